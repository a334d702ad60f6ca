// The rule that asks, with a source that the test answers and a clock that the test moves.
import { describe, expect, it } from 'vitest';
import { ana, decisionsOf, describeUser, setUp, unreachable, userOf } from '../support/asked-rule.js';

describe('answers that are kept', () => {
  it('a cached yes is returned synchronously until it expires, and then the question is asked again', async () => {
    const { rule, clock, asked, decide } = setUp();
    expect(await decide(ana, 'room', true)).toBe('allowed');
    clock.pass(59_999);
    expect(rule.decide(ana, 'room')).toBe('allowed');
    clock.pass(1);
    const decision = rule.decide(ana, 'room');
    expect(decision).toBeInstanceOf(Promise);
    asked[1]?.answer(false);
    expect(await decision).toBe('refused');
  });

  it('a no is used for its own shorter time', async () => {
    const { rule, clock, decide, asked } = setUp();
    expect(await decide(ana, 'room', false)).toBe('refused');
    clock.pass(1_999);
    expect(rule.decide(ana, 'room')).toBe('refused');
    expect(asked).toHaveLength(1);
    clock.pass(1);
    expect(await decide(ana, 'room', true)).toBe('allowed');
  });

  it('an answer is used again only for the same room and a user with the same fields', async () => {
    const { decide, asked } = setUp();
    await decide(ana, 'room', true);
    await decide(ana, 'other', false);
    await decide(userOf('bob'), 'room', false);
    expect(await decide(userOf('ana', 'Ana of another token'), 'room', false)).toBe('refused');
    expect(await decide(ana, 'room', false)).toBe('allowed');
    expect(asked.map(({ who }) => who)).toEqual([
      'ana room',
      'ana other',
      'bob room',
      'Ana of another token room',
    ]);
  });

  it('a plain boolean is asked for each time, and no promise is made', () => {
    const answers = [true, false, true];
    const { rule, log } = setUp({ source: { describe: describeUser, ask: () => answers.shift() } });
    expect([0, 1, 2].map(() => rule.decide(ana, 'room'))).toEqual(['allowed', 'refused', 'allowed']);
    expect(log).toEqual(['allowed', 'refused', 'ana leaves room', 'allowed']);
  });

  it('a promise of a library counts as a promise', async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- promises of libraries are objects with this function
    const thenable = { then: (resolve: (value: boolean) => void) => resolve(true) };
    const { rule } = setUp({ source: { describe: describeUser, ask: () => thenable } });
    expect(await rule.decide(ana, 'room')).toBe('allowed');
    expect(rule.decide(ana, 'room')).toBe('allowed');
  });

  it('the rooms of other users are opened by the claim `rooms` only', () => {
    const { rule, asked } = setUp();
    expect(rule.decide(userOf('ana', 'ana', ['*']), 'user:bob')).toBe('refused');
    expect(rule.decide(userOf('ana', 'ana', ['user:*']), 'user:bob')).toBe('allowed');
    expect(rule.decide(userOf('ana', 'ana', ['*']), '*:acme')).toBe('refused');
    expect(rule.decide(userOf('ana', 'ana', ['*:acme']), '*:acme')).toBe('allowed');
    expect(rule.decide(ana, '*')).toBe('allowed');
    expect(asked).toEqual([]);
  });
});

describe('questions under way', () => {
  it('500 calls for one pair at the same time are one question', async () => {
    const { rule, asked } = setUp();
    const decisions = Array.from({ length: 500 }, () => rule.decide(ana, 'room'));
    expect(asked).toHaveLength(1);
    asked[0]?.answer(true);
    expect(new Set(await decisionsOf(decisions))).toEqual(new Set(['allowed']));
  });

  it('the number of questions at a time is bounded, and the rest is asked in turn', async () => {
    const { rule, asked } = setUp({ maxQuestions: 5 });
    const decisions = Array.from({ length: 20 }, (_, index) => rule.decide(userOf(`user-${index}`), 'room'));
    let answered = 0;
    while (answered < 20) {
      expect(asked.length - answered).toBeLessThanOrEqual(5);
      asked[answered]?.answer(true);
      answered += 1;
      await Promise.resolve().then(() => Promise.resolve());
    }
    expect(await decisionsOf(decisions)).toHaveLength(20);
  });

  it('one user with many questions does not delay the question of another user', async () => {
    const { rule, asked } = setUp({ maxQuestions: 10 });
    for (let room = 0; room < 100; room += 1) void rule.decide(ana, `room-${room}`);
    expect(asked).toHaveLength(2);
    void rule.decide(userOf('bob'), 'room');
    expect(asked.at(-1)?.who).toBe('bob room');
  });

  it('a question that waits too long for its turn is given up, and the next call asks', async () => {
    const { rule, asked, clock, log } = setUp({ maxQuestions: 1, timeoutMs: 3_000 });
    void rule.decide(userOf('bob'), 'room');
    await clock.advance(1_000);
    const waiting = rule.decide(ana, 'room');
    await clock.advance(2_000);
    expect(asked.map(({ who }) => who)).toEqual(['bob room', 'ana room']);
    asked[1]?.answer(true);
    expect(await waiting).toBe('allowed');
    expect(log).toContain('failure in room: it did not answer within 3000 ms');
  });

  it('the waiting questions are bounded, and a user beyond the bound is told to try again', async () => {
    const { rule, log } = setUp({ maxQuestions: 1 });
    for (let room = 0; room < 2_001; room += 1) void rule.decide(ana, `room-${room}`);
    expect(rule.decide(ana, 'one more')).toBe('away');
    expect(rule.decide(userOf('bob'), 'room')).toBeInstanceOf(Promise);
    expect(log).toEqual(['busy']);
  });

  it('a question whose turn did not come in time counts as busy, not as away', async () => {
    const { rule, asked, clock, log } = setUp({ maxQuestions: 1, timeoutMs: 3_000 });
    const [first] = ['first', 'second'].map((name) => rule.decide(userOf(name), 'room'));
    const waiting = rule.decide(ana, 'room');
    await clock.advance(2_999);
    asked[0]?.answer(true);
    expect(await first).toBe('allowed');
    await clock.advance(1);
    expect(await waiting).toBe('away');
    expect(log).toEqual(['allowed', 'busy']);
  });

  it('many waiting questions that are answered at once do not nest', async () => {
    const answers: unknown[] = [];
    let isFirst = true;
    const { rule } = setUp({
      maxQuestions: 1,
      source: {
        describe: describeUser,
        ask: () => {
          if (!isFirst) return true;
          isFirst = false;
          return new Promise((resolve) => answers.push(resolve));
        },
      },
    });
    const decisions = Array.from({ length: 15_000 }, (_, index) => rule.decide(userOf(`u${index}`), 'room'));
    (answers[0] as (value: boolean) => void)(true);
    expect(new Set(await decisionsOf(decisions))).toEqual(new Set(['allowed']));
  });

  it('an abort reaches the source when its answer comes too late, and every question ends at the stop', async () => {
    const { rule, asked, clock } = setUp();
    const late = rule.decide(ana, 'late');
    await clock.advance(3_000);
    expect(await late).toBe('away');
    expect(asked[0]?.signal.aborted).toBe(true);
    const stopped = rule.decide(ana, 'stopped');
    rule.stop();
    expect(await stopped).toBe('away');
    expect(asked[1]?.signal.aborted).toBe(true);
    expect(rule.decide(ana, 'after')).toBe('away');
    asked[1]?.answer(true);
    expect(clock.timerCount).toBe(0);
  });
});

describe('an unavailable rule', () => {
  it.each<[string, unknown, string]>([
    ['throws', new Error('no database'), 'failure in room: no database'],
    ['answers undefined', undefined, 'failure in room: its answer is neither true nor false'],
    ['answers a text', 'yes', 'failure in room: its answer is neither true nor false'],
    ['answers 1', 1, 'failure in room: its answer is neither true nor false'],
  ])('a source that %s refuses nobody', async (_, answer, line) => {
    const { decide, log } = setUp();
    expect(await decide(ana, 'room', answer)).toBe('away');
    expect(log).toEqual(['failed', line, 'away']);
  });

  it('a source that throws at once refuses nobody', () => {
    const { rule } = setUp({
      source: {
        describe: describeUser,
        ask: () => {
          throw new TypeError('user.role is undefined');
        },
      },
    });
    expect(rule.decide(ana, 'room')).toBe('away');
  });

  it('a failed question is asked again after a second, and other questions at once', async () => {
    const { rule, clock, asked, decide } = setUp();
    await decide(ana, 'room', new Error('500'));
    expect(rule.decide(ana, 'room')).toBe('away');
    expect(await decide(ana, 'other', true)).toBe('allowed');
    expect(asked).toHaveLength(2);
    clock.pass(1_000);
    expect(await decide(ana, 'room', true)).toBe('allowed');
  });

  it('an old yes is used for a bounded time, and then the user is told to try again', async () => {
    const { rule, clock, decide, log } = setUp();
    await decide(ana, 'room', true);
    clock.pass(60_000);
    expect(await decide(ana, 'room', unreachable)).toBe('allowed');
    clock.pass(500);
    expect(rule.decide(ana, 'room')).toBe('allowed');
    clock.pass(539_500);
    expect(await decide(ana, 'room', unreachable)).toBe('away');
    expect(log.filter((line) => line === 'stale')).toHaveLength(2);
  });

  it('a backend that cannot be reached is asked one question a second, and the waiting ones end', async () => {
    const { rule, clock, asked, log } = setUp({ maxQuestions: 1 });
    const first = rule.decide(ana, 'room');
    const waiting = rule.decide(userOf('bob'), 'room');
    asked[0]?.fail(unreachable);
    expect(await decisionsOf([first, waiting])).toEqual(['away', 'away']);
    for (let user = 0; user < 100; user += 1)
      expect(rule.decide(userOf(`user-${user}`), 'room')).toBe('away');
    expect(asked).toHaveLength(1);
    clock.pass(1_000);
    const probe = rule.decide(userOf('bob'), 'room');
    expect(rule.decide(ana, 'room')).toBe('away');
    asked[1]?.answer(true);
    expect(await probe).toBe('allowed');
    expect(log.filter((line) => line === 'gone' || line === 'back')).toEqual(['gone', 'back']);
    expect(rule.isAway).toBe(false);
  });

  it('one user whose questions fail does not make the backend count as away, and several users do', async () => {
    const { decide, rule } = setUp();
    for (let room = 0; room < 50; room += 1) await decide(ana, `room-${room}`, new Error('500'));
    expect(rule.isAway).toBe(false);
    for (let user = 0; user < 4; user += 1) await decide(userOf(`user-${user}`), 'room', new Error('500'));
    expect(rule.isAway).toBe(true);
  });

  it('an answer in between keeps the backend from counting as away', async () => {
    const { decide, rule } = setUp();
    for (let user = 0; user < 20; user += 1) {
      await decide(userOf(`user-${user}`), 'room', new Error('500'));
      if (user % 3 === 0) await decide(userOf(`user-${user}`), 'other', true);
    }
    expect(rule.isAway).toBe(false);
  });
});

describe('a removal or a sign-out', () => {
  it('a cached yes ends at once, for every token of the user and this room only', async () => {
    const { rule, decide, asked } = setUp();
    const second = userOf('ana', 'Ana');
    for (const user of [ana, second]) await decide(user, 'room', true);
    await decide(ana, 'other', true);
    rule.forget('ana', 'room');
    expect(rule.decide(ana, 'other')).toBe('allowed');
    for (const user of [ana, second]) expect(await decide(user, 'room', false)).toBe('refused');
    expect(asked).toHaveLength(5);
  });

  it('a sign-out ends the cached answers for all rooms, whatever the case of a UUID', async () => {
    const id = 'ABCDEF00-4F89-41D3-9A0C-0305E82C3301';
    const { rule, decide, asked } = setUp();
    for (const room of ['a', 'b']) await decide(userOf(id), room, true);
    rule.forget(id.toLowerCase(), undefined);
    for (const room of ['a', 'b']) expect(await decide(userOf(id), room, false)).toBe('refused');
    expect(asked).toHaveLength(4);
  });

  it('an answer that was under way is not used, and the rule is asked again', async () => {
    const { rule, asked } = setUp();
    const decision = rule.decide(ana, 'room');
    rule.forget('ana', 'room');
    asked[0]?.answer(true);
    await expect.poll(() => asked.length).toBe(2);
    asked[1]?.answer(false);
    expect(await decision).toBe('refused');
    expect(rule.decide(ana, 'room')).toBe('refused');
  });

  it('an old yes from before a removal is not used while the rule is unavailable', async () => {
    const { rule, decide } = setUp();
    await decide(ana, 'room', true);
    rule.forget('ana', 'room');
    expect(await decide(ana, 'room', unreachable)).toBe('away');
  });
});

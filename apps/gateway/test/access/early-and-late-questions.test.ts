// Questions to the source of an access rule for which no call waits: before a call runs, and after a new token.
import { describe, expect, it } from 'vitest';
import { ana, describeUser, setUp, unreachable, userOf } from '../support/asked-rule.js';

describe('a question that is asked before its call runs', () => {
  it('a call uses the answer of its early question, and an undecided early question is not counted', async () => {
    const { rule, asked, decide, log } = setUp();
    await decide(ana, 'first', true);
    rule.prepare(ana, 'room');
    rule.prepare(ana, 'room');
    rule.prepare(ana, 'user:bob');
    expect(asked.map(({ who }) => who)).toEqual(['ana first', 'ana room']);
    const decision = rule.decide(ana, 'room');
    asked[1]?.answer(false);
    expect(await decision).toBe('refused');
    await decide(ana, 'broken', new Error('500'));
    const before = log.length;
    rule.prepare(ana, 'broken');
    expect(log).toHaveLength(before);
  });

  it('a question that no call waits for is not counted as undecided if too many questions wait', () => {
    const { rule, asked, log } = setUp({ maxQuestions: 1 });
    for (let room = 0; room < 2_001; room += 1) void rule.decide(ana, `room-${room}`);
    rule.prepare(ana, 'early');
    expect(rule.mayStay(ana, 'joined')).toBe(true);
    expect(asked).toHaveLength(1);
    expect(log).toEqual([]);
    expect(rule.decide(ana, 'counted')).toBe('away');
    expect(log).toEqual(['busy']);
  });

  it('a source is not asked early if it answers synchronously or its answers are not cached', async () => {
    let questions = 0;
    const atOnce = setUp({ source: { describe: describeUser, ask: () => (questions += 1) > 0 } });
    expect(atOnce.rule.decide(ana, 'room')).toBe('allowed');
    atOnce.rule.prepare(ana, 'other');
    expect(questions).toBe(1);
    const { rule, asked, decide } = setUp({ cacheMs: 0 });
    await decide(ana, 'room', true);
    rule.prepare(ana, 'other');
    expect(asked).toHaveLength(1);
  });
});

describe('a joined room after a new token with other fields', () => {
  const renamed = userOf('ana', 'Ana of another token');

  it('a user with a new token stays while the source does not answer, the source is asked until it answers, and a refusal makes the user leave', async () => {
    const { rule, asked, clock, log } = setUp();
    expect(rule.mayStay(renamed, 'room')).toBe(true);
    asked[0]?.fail(unreachable);
    await clock.advance(1_000);
    expect(asked).toHaveLength(2);
    asked[1]?.fail(new Error('500'));
    await clock.advance(1_000);
    expect(asked).toHaveLength(3);
    asked[2]?.answer(false);
    await clock.advance(1_000);
    expect(log.at(-1)).toBe('Ana of another token leaves room');
    await clock.advance(10_000);
    expect(asked).toHaveLength(3);
    expect(clock.timerCount).toBe(0);
  });

  it('a cached yes of any age and a cached refusal decide about a stay at once, and `stop` ends the questions', async () => {
    const { rule, asked, clock, decide } = setUp();
    await decide(renamed, 'room', true);
    await decide(renamed, 'closed', false);
    clock.pass(3_600_000);
    expect(rule.mayStay(renamed, 'room')).toBe(true);
    expect(await decide(renamed, 'closed', false)).toBe('refused');
    expect(rule.mayStay(renamed, 'closed')).toBe(false);
    expect(rule.mayStay(renamed, 'other')).toBe(true);
    expect(asked).toHaveLength(4);
    rule.stop();
    await clock.advance(10_000);
    expect(asked).toHaveLength(4);
    expect(clock.timerCount).toBe(0);
  });

  it('a stay that is admitted after `stop` starts no timer, and the user stays', async () => {
    const { rule, asked, clock } = setUp();
    rule.stop();
    expect(rule.mayStay(renamed, 'room')).toBe(true);
    expect(clock.timerCount).toBe(0);
    await clock.advance(10_000);
    expect(asked).toEqual([]);
  });

  it('a user leaves a room if too many stays are undecided, and one turn of the timer asks about at most 100 rooms', async () => {
    const { rule, asked, clock } = setUp();
    rule.mayStay(renamed, 'room-0');
    asked[0]?.fail(unreachable);
    await clock.advance(0);
    const stays = Array.from({ length: 20_000 }, (_, room) => rule.mayStay(renamed, `room-${room}`));
    expect(stays.every(Boolean)).toBe(true);
    expect(rule.mayStay(renamed, 'one more')).toBe(false);
    await clock.advance(1_000);
    expect(asked).toHaveLength(2);
    asked[1]?.answer(true);
    await clock.advance(1_000);
    // At most ten questions of one user run at a time. One turn asks about 100 rooms.
    for (let answered = 2; answered < asked.length; answered += 1) {
      asked[answered]?.answer(true);
      await clock.advance(0);
    }
    expect(asked).toHaveLength(102);
    expect(rule.mayStay(renamed, 'one more')).toBe(true);
  });

  it('the source is asked about every undecided room, even if it answers synchronously', async () => {
    const asked: string[] = [];
    const answers: unknown[] = [Promise.reject(unreachable)];
    const { rule, clock } = setUp({
      source: {
        describe: describeUser,
        ask(_, roomId) {
          asked.push(roomId);
          return answers.shift() ?? true;
        },
      },
    });
    rule.mayStay(renamed, 'room-0');
    await clock.advance(0);
    for (let room = 1; room < 150; room += 1) rule.mayStay(renamed, `room-${room}`);
    await clock.advance(3_000);
    expect(new Set(asked).size).toBe(150);
    expect(clock.timerCount).toBe(0);
  });
});

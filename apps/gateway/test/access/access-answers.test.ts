// The bounds of the kept answers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessAnswers } from '../../src/access/access-answers.js';
import { type AccessPair, keyOf } from '../../src/access/user-identity.js';

const options = {
  cacheMs: 100,
  refusalCacheMs: 10,
  maxStaleMs: 1_000,
  pauseMs: 5,
  maxAnswers: 10,
  maxAnswersPerOwner: 4,
};

function pair(owner: string, roomId: string, token = 1): AccessPair {
  const identity = `${owner}#${token}`;
  return { owner, identity, roomId, key: keyOf(identity, roomId) };
}

describe('the bounds of kept answers', () => {
  it('the oldest answer is forgotten when there are too many, and one user takes a bounded part', () => {
    const answers = new AccessAnswers(options);
    answers.note(pair('bob', 'room'), 'allowed', 0);
    for (let room = 0; room < 100; room += 1) answers.note(pair('ana', `room-${room}`), 'allowed', 1);
    expect(answers.size).toBe(5);
    expect(answers.find(pair('bob', 'room'), 1)).toBe('allowed');
    for (let user = 0; user < 100; user += 1) answers.note(pair(`user-${user}`, 'room'), 'allowed', 1);
    expect(answers.size).toBe(10);
    expect(answers.find(pair('bob', 'room'), 1)).toBeUndefined();
  });

  it('answers that are of no use any more leave with the next ones', () => {
    const answers = new AccessAnswers(options);
    for (let user = 0; user < 8; user += 1) answers.note(pair(`user-${user}`, 'room'), 'refused', 0);
    for (let user = 0; user < 8; user += 1) answers.note(pair('bob', `room-${user % 2}`), 'allowed', 50);
    expect(answers.size).toBe(2);
  });

  it('random answers, failures and removals keep every answer as a plain table would', () => {
    const step = fc.record({
      owner: fc.constantFrom('ana', 'bob'),
      room: fc.constantFrom('a', 'b'),
      token: fc.constantFrom(1, 2),
      what: fc.constantFrom('allowed', 'refused', 'failed', 'remove', 'sign out'),
      afterMs: fc.nat(60),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const answers = new AccessAnswers({ ...options, maxAnswers: 100, maxAnswersPerOwner: 100 });
        const table = new Map<string, { at: number; what: string; yesAt: number }>();
        let nowMs = 0;
        for (const { owner, room, token, what, afterMs } of steps) {
          nowMs += afterMs;
          if (what === 'remove' || what === 'sign out') {
            answers.forget(owner, what === 'remove' ? room : undefined);
            for (const key of table.keys())
              if (key.startsWith(owner) && (what === 'sign out' || key.endsWith(` ${room}`)))
                table.delete(key);
          } else {
            const { key } = pair(owner, room, token);
            const before = table.get(key)?.yesAt ?? Number.NEGATIVE_INFINITY;
            const yesAt = { allowed: nowMs, failed: before, refused: Number.NEGATIVE_INFINITY }[what];
            table.set(key, { at: nowMs, what, yesAt });
            answers.note(pair(owner, room, token), what, nowMs);
          }
          for (const owner of ['ana', 'bob'])
            for (const room of ['a', 'b'])
              for (const token of [1, 2]) {
                const asked = pair(owner, room, token);
                const { at = 0, what = '', yesAt = Number.NEGATIVE_INFINITY } = table.get(asked.key) ?? {};
                const isNo = what === 'refused' && nowMs < at + 10;
                const expected = isNo ? 'refused' : nowMs - yesAt < 100 ? 'allowed' : undefined;
                expect(answers.find(asked, nowMs)).toBe(expected);
                expect(answers.isAllowedWhileAway(asked, nowMs)).toBe(nowMs - yesAt < 1_000);
                expect(answers.isPaused(asked, nowMs)).toBe(what === 'failed' && nowMs < at + 5);
              }
        }
      }),
    );
  });
});

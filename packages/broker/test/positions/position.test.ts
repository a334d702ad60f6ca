import { encodePosition, isPositionValid, MAX_POSITION_CHARS, parsePosition } from '@millrace/broker';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEpoch, mayBeEpochOf, newEpoch } from '../../src/positions/epoch.js';

const part = fc.oneof(
  fc.bigInt(0n, 50n),
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.bigInt(2n ** 53n - 5n, 2n ** 53n + 5n),
);
const epoch = fc.stringMatching(/^[0-9a-z]{1,16}$/);
const streamPosition = fc.record({
  epoch,
  cursor: fc.tuple(part, part).map(([ms, sequence]) => `${ms}-${sequence}`),
});
const scope = fc.constantFrom('', 'all', '0', '31', '2_11');
const anyPosition = fc.array(streamPosition, { minLength: 1, maxLength: 8 });

describe('a position', () => {
  it('an encoded position is URL-safe, has at most MAX_POSITION_CHARS, and can be parsed again (property)', () => {
    fc.assert(
      fc.property(anyPosition, scope, (position, of) => {
        const text = encodePosition(position, of);
        expect(parsePosition(text)).toEqual(position);
        expect(encodeURIComponent(text)).toBe(text);
        expect(text.length).toBeLessThanOrEqual(MAX_POSITION_CHARS);
      }),
      { numRuns: 1000 },
    );
  });

  it('a position in four streams has fewer than 100 characters', () => {
    const position = Array.from({ length: 4 }, () => ({
      epoch: newEpoch('events:chat'),
      cursor: '1795487716445-9999',
    }));
    expect(encodePosition(position).length).toBeLessThan(100);
  });

  it.each([
    '',
    '.',
    'a',
    'a-',
    '-1',
    'a-1.',
    '.a-1',
    'a-1..b-1',
    'A-1',
    'a-1-0',
    'a-01',
    'a-1-01',
    'a-1-1-1',
    'a_b-1',
    'a-1 ',
    'a-1\n',
    'a-é',
    '~a-1',
    '2~',
    '2~3~a-1',
    'every~a-1',
    `${'1'.repeat(101)}~a-1`,
    `${'a'.repeat(17)}-1`,
    'a-3w5e11264sgsg',
    'a-1-zzzzzzzzzzzzz',
    'x'.repeat(MAX_POSITION_CHARS + 1),
    `a-1${'.a-1'.repeat(1_000_000)}`,
    null,
    undefined,
    5,
    {},
    ['a-1'],
  ])('parsePosition refuses %j', (garbage) => {
    expect(() => parsePosition(garbage)).toThrow(expect.objectContaining({ code: 'invalid_position' }));
  });

  it.each(['v2~x', 'v2~2~a-1.b-1', 'v10~a', 'v999999~~._-'])(
    'parsePosition recognises %j as a position of a later version',
    (later) => {
      expect(() => parsePosition(later)).toThrow(expect.objectContaining({ code: 'later_position' }));
    },
  );

  it.each(['v1~a-1', 'v0~a-1', 'v02~a-1', 'v~a-1', 'v2', 'v2~', 'V2~a', 'v2~a b', 'v2~a\n', 'v2~é'])(
    'parsePosition refuses %j, which only looks like a position with a version mark',
    (garbage) => {
      expect(() => parsePosition(garbage)).toThrow(expect.objectContaining({ code: 'invalid_position' }));
    },
  );

  it('a position from a build before version marks is parsed, and encoded to the same text again', () => {
    // Commit 1966bb5 made these positions.
    const [plain, scoped] = ['0dzvmckv-mijhn73t.k2j-0-1', '2_11~all-mijhn73t-3w5e11264sgsf'];
    expect(encodePosition(parsePosition(plain))).toBe(plain);
    expect(encodePosition(parsePosition(scoped), '2_11')).toBe(scoped);
    expect(parsePosition(plain)).toEqual([
      { epoch: '0dzvmckv', cursor: '1764372185273-0' },
      { epoch: 'k2j', cursor: '0-1' },
    ]);
  });

  it('parsePosition refuses a text, or returns a position that encodes to the same text (property)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^(?:v[0-9]~)?[0-9a-z.-]{0,60}$/)), (text) => {
        try {
          expect(encodePosition(parsePosition(text))).toBe(text);
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^(?:invalid|later)_position$/) as unknown,
          });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('isPositionValid', () => {
  const previousEpoch = { epoch: 'old', upTo: '5-3' };

  it.each([
    ['in the present epoch', { epoch: 'now', cursor: '1-1' }, { epoch: 'now' }, true],
    [
      'in the present epoch, beyond the entries read so far',
      { epoch: 'now', cursor: '9-9' },
      { epoch: 'now' },
      true,
    ],
    ['in an unknown epoch', { epoch: 'old', cursor: '0-0' }, { epoch: 'now' }, false],
    ['in the previous epoch', { epoch: 'old', cursor: '5-2' }, { epoch: 'now', previousEpoch }, true],
    [
      'at the last kept entry of the previous epoch',
      { epoch: 'old', cursor: '5-3' },
      { epoch: 'now', previousEpoch },
      true,
    ],
    [
      'at a lost entry of the previous epoch',
      { epoch: 'old', cursor: '5-4' },
      { epoch: 'now', previousEpoch },
      false,
    ],
    [
      'at a lost entry of the previous epoch with a longer ID',
      { epoch: 'old', cursor: '10-0' },
      { epoch: 'now', previousEpoch },
      false,
    ],
    [
      'in an epoch before the previous epoch',
      { epoch: 'older', cursor: '1-1' },
      { epoch: 'now', previousEpoch },
      false,
    ],
  ])('isPositionValid returns the right answer for a position %s', (_, part, current, expected) => {
    expect(isPositionValid(part, current)).toBe(expected);
  });
});

describe('an epoch', () => {
  const names = ['events:chat', 'events:ticket', 'events:notification', 'events:remote', 'events:chat.p0'];

  it('an epoch of a stream is not mistaken for an epoch of another stream', () => {
    for (const name of names) {
      const epoch = newEpoch(name);
      expect(isEpoch(epoch)).toBe(true);
      expect(names.filter((other) => mayBeEpochOf(epoch, other))).toEqual([name]);
    }
  });

  it('an epoch that an earlier build created is accepted for every stream', () => {
    expect(names.filter((name) => mayBeEpochOf('0dzvmckv', name))).toEqual(names);
  });

  it('the last two characters of a stream’s epoch are the same in every build', () => {
    expect(names.map((name) => newEpoch(name).slice(-2))).toEqual(['ro', 'ni', 'a1', 'jk', '4u']);
  });
});

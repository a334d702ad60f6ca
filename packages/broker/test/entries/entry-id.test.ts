import {
  compareEntryIds,
  entryIdMs,
  FIRST_ENTRY_ID,
  isEntryId,
  minEntryId,
  nextEntryId,
  previousEntryId,
} from '@millrace/broker';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const MAX = 2n ** 64n - 1n;
const part = fc.oneof(
  fc.bigInt(0n, 20n),
  fc.bigInt(0n, MAX),
  fc.bigInt(MAX - 20n, MAX),
  fc.bigInt(2n ** 53n - 20n, 2n ** 53n + 20n),
);
const parts = fc.tuple(part, part);
const text = ([ms, sequence]: readonly [bigint, bigint]): string => `${ms}-${sequence}`;
const order = (a: readonly [bigint, bigint], b: readonly [bigint, bigint]): number => {
  const [left, right] = a[0] === b[0] ? [a[1], b[1]] : [a[0], b[0]];
  return left === right ? 0 : left < right ? -1 : 1;
};

describe('compareEntryIds', () => {
  it('compareEntryIds orders IDs as pairs of 64-bit numbers (property)', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(Math.sign(compareEntryIds(text(a), text(b)))).toBe(order(a, b));
        expect(minEntryId(text(a), text(b))).toBe(order(a, b) <= 0 ? text(a) : text(b));
      }),
      { numRuns: 2000 },
    );
  });

  it('compareEntryIds does not compare IDs as text', () => {
    expect(compareEntryIds('9-0', '10-0')).toBeLessThan(0);
    expect(compareEntryIds('1-9', '1-10')).toBeLessThan(0);
  });
});

describe('nextEntryId and previousEntryId', () => {
  it('nextEntryId and previousEntryId return the two neighbours of every ID (property)', () => {
    fc.assert(
      fc.property(parts, ([ms, sequence]) => {
        const id = text([ms, sequence]);
        const number = ms * (MAX + 1n) + sequence;
        const asNumber = (other: string): bigint => {
          const [a = '', b = ''] = other.split('-');
          return BigInt(a) * (MAX + 1n) + BigInt(b);
        };
        if (!(ms === MAX && sequence === MAX)) {
          expect(asNumber(nextEntryId(id))).toBe(number + 1n);
          expect(previousEntryId(nextEntryId(id))).toBe(id);
        }
        if (number > 0n) expect(asNumber(previousEntryId(id))).toBe(number - 1n);
      }),
      { numRuns: 2000 },
    );
  });

  it('previousEntryId leaves the smallest ID unchanged, and nextEntryId the largest', () => {
    expect(previousEntryId(FIRST_ENTRY_ID)).toBe(FIRST_ENTRY_ID);
    expect(nextEntryId(`${MAX}-${MAX}`)).toBe(`${MAX}-${MAX}`);
  });
});

describe('isEntryId', () => {
  it('isEntryId accepts every canonical ID (property)', () => {
    fc.assert(fc.property(parts, (id) => isEntryId(text(id))));
  });

  it.each([
    '',
    '-',
    '5',
    '5-',
    '-5',
    '1-1-1',
    '01-1',
    '1-01',
    '+1-1',
    '1--1',
    ' 1-1',
    '1-1 ',
    '1-1\n',
    '$',
    '>',
    '*',
    '1-*',
    '0x1-1',
    '1e3-1',
    '１-1',
    `${MAX + 1n}-0`,
    `0-${MAX + 1n}`,
    '9'.repeat(10_000),
    5,
    null,
    undefined,
    {},
    ['1-1'],
  ])('isEntryId returns false for %j', (value) => expect(isEntryId(value)).toBe(false));
});

it('entryIdMs returns the milliseconds of an entry ID', () => {
  expect(entryIdMs('1700000000123-7')).toBe(1_700_000_000_123);
});

import { describe, expect, test } from 'vitest';
import { checkOptions, nearestName, required, secret, shown, text, wholeNumber } from '../src/index.js';

interface Options {
  readonly name: string;
  readonly maxBytes?: number;
  readonly token?: string;
}

const rules = { name: required(text()), maxBytes: wholeNumber(0, 10), token: secret(text(3)) };
const check = (options: object) =>
  checkOptions(options as Options, rules, (fault) => new TypeError(fault), nearestName);

describe('checkOptions', () => {
  test('checkOptions returns the given options without undefined options', () => {
    const given = check({ name: 'a', maxBytes: 0, token: undefined });
    expect(given).toStrictEqual({ name: 'a', maxBytes: 0 });
  });

  test.each([
    [{ name: 'a', maxBytes: Number.NaN }, 'maxBytes must be a whole number from 0 to 10, not NaN'],
    [{ name: 'a', maxBytes: '5' }, 'maxBytes must be a whole number from 0 to 10, not "5"'],
    [{ name: 'a', maxBytes: null }, 'maxBytes must be a whole number from 0 to 10, not null'],
    [{ name: 'a', maxBytes: [1, [2]] }, 'maxBytes must be a whole number from 0 to 10, not [1, […]]'],
    [{ name: 'a', token: 'hu' }, 'token must be a string of 3 or more characters'],
    [{}, 'name must be a string of 1 or more characters, not undefined'],
    [{ name: 'a', maxbytes: 5 }, 'maxbytes is not an option: did you mean maxBytes?'],
    [{ name: 'a', unrelated: 5 }, 'unrelated is not an option: the options are name, maxBytes, token'],
    [
      { name: 'a', unrelated: undefined },
      'unrelated is not an option: the options are name, maxBytes, token',
    ],
    [null, 'the options must be an object, not null'],
  ])('checkOptions refuses %j, and the error names the fault', (options, fault) => {
    expect(() => check(options as object)).toThrow(new TypeError(fault));
  });

  test('checkOptions refuses an option that only an object prototype has', () => {
    expect(() => check({ name: 'a', toString: 1 })).toThrow('toString is not an option');
    expect(() => check({})).toThrow('name must');
  });
});

test('an error shows only the beginning of long texts and lists, and the kind of other values', () => {
  expect(shown('x'.repeat(100))).toBe(`"${'x'.repeat(60)}…"`);
  expect(shown([1, 'a', null, 4])).toBe('[1, "a", null, …]');
  for (const [value, text_] of [
    [10n, '10'],
    [Symbol('s'), 'Symbol(s)'],
    [{}, 'an object'],
    [() => 1, 'a function'],
    [-0, '0'],
  ] as const)
    expect(shown(value)).toBe(text_);
});

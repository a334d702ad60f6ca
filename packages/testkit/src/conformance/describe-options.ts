// Tests of the option checks that every package makes, over a table with one row per option. The table does not compile if an
// option has no row. An option without a rule fails the test of its right values.
import { describe, expect, test } from 'vitest';

/** Right and wrong values of one option. */
export interface OptionSamples {
  readonly right: readonly unknown[];
  readonly wrong: readonly unknown[];
  /** True if the option must be given. */
  readonly isRequired?: boolean;
  /** True if the error must not show the value. */
  readonly isSecret?: boolean;
}

/** One row for each option. */
export type OptionTable<Options> = { readonly [Name in keyof Required<Options>]: OptionSamples };

const noNumbers = [Number.NaN, null, '10', '', true, [], {}, () => 1, 10n, Symbol('x')];

/** Values for an option that is a whole number from `min` to `max`. */
export function wholeNumbers({ min = 1, max = Number.MAX_SAFE_INTEGER } = {}): OptionSamples {
  return {
    right: [min, min + 1],
    wrong: [
      ...noNumbers,
      min - 1,
      -5,
      min + 0.5,
      max + 1,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ],
  };
}

/** Values for an option that is a number of milliseconds of a timer. */
export function timers(min = 1): OptionSamples {
  return wholeNumbers({ min, max: 2_147_483_647 });
}

/** Values for an option that is a callback. */
export const callbacks: OptionSamples = {
  right: [() => undefined],
  wrong: [null, {}, [], 'callMe', 1, true, Number.NaN],
};

/** Values for an option that is true or false. */
export const flags: OptionSamples = { right: [true, false], wrong: [null, 0, 1, 'true', '', {}, Number.NaN] };

/** Values for an option that is a string. */
export function texts(right: readonly string[], wrong: readonly string[] = ['']): OptionSamples {
  return { right, wrong: [null, 1, Number.NaN, true, {}, [right[0]], () => right[0], ...wrong] };
}

/** Values for an option that is an object with functions. */
export function objects(right: readonly unknown[], wrong: readonly unknown[] = [{}]): OptionSamples {
  return { right, wrong: [null, 1, 'text', true, Number.NaN, ...wrong] };
}

/** The function whose options are checked. */
export interface OptionsUnderTest<Options> {
  /** Calls the function. */
  create(options: Options): unknown;
  readonly table: OptionTable<Options>;
  /** Code of the error. */
  readonly code: string;
  /** Beginning of the names in messages: `limits.` @defaultValue '' */
  readonly path?: string;
  /** True for a function with short errors: they list all options instead of suggesting one. @defaultValue false */
  readonly isTerse?: boolean;
}

/** Registers the tests of one function with options. */
export function describeOptions<Options extends object>(
  title: string,
  { create, table, code, path = '', isTerse = false }: OptionsUnderTest<Options>,
): void {
  const rows = Object.entries<OptionSamples>(table);
  const required = Object.fromEntries(
    rows.flatMap(([name, { isRequired, right }]) => (isRequired === true ? [[name, right[0]]] : [])),
  );
  const call = (options: object): unknown => create({ ...required, ...options } as Options);
  const refusal = (part: string) =>
    expect.objectContaining({ code, message: expect.stringContaining(part) as string }) as Error;

  describe(`the options of ${title}`, () => {
    test.each(rows)('%s may be each of its right values', (name, { right }) => {
      for (const value of right) expect(() => call({ [name]: value }), String(value)).not.toThrow();
    });

    test.each(rows)(
      '%s is refused with any other value, and the error names it',
      (name, { wrong, isSecret }) => {
        for (const value of wrong) {
          const attempt = (): unknown => call({ [name]: value });
          expect(attempt, `${typeof value} ${String(value)}`).toThrow(refusal(`${path}${name}`));
          expect(attempt).toThrow(/must|is not one of|is not an option|is an option of/);
          if (typeof value === 'number' && isSecret !== true) expect(attempt).toThrow(refusal(String(value)));
          if (typeof value !== 'string' || value === '') continue;
          // The error shows a text's beginning as JSON.
          const beginning = refusal(JSON.stringify(value).slice(1, -1).slice(0, 40));
          if (isSecret === true) expect(attempt).not.toThrow(beginning);
          else expect(attempt).toThrow(beginning);
        }
      },
    );

    test.each(rows)('%s may be undefined, unless it is required', (name, { isRequired }) => {
      const attempt = (): unknown => call({ [name]: undefined });
      if (isRequired === true) expect(attempt).toThrow(refusal(`${path}${name} must`));
      else expect(attempt).not.toThrow();
    });

    test.each(rows)('a misspelt %s is refused, and the error names the right spelling', (name, { right }) => {
      const misspelt = `${name.slice(0, -1)}_`;
      expect(() => call({ [misspelt]: right[0] })).toThrow(refusal(misspelt));
      if (!isTerse) expect(() => call({ [misspelt]: right[0] })).toThrow(refusal('did you mean'));
      expect(() => call({ [misspelt]: right[0] })).toThrow(refusal(name));
    });

    test.each([null, 'text', 7, () => undefined])('%s in place of all options is refused', (options) => {
      expect(() => create(options as unknown as Options)).toThrow(
        refusal(isTerse ? '' : 'must be an object'),
      );
    });
  });
}

// Checks the options of a function, each by its rule. A package has one table of rules for each type of options. TypeScript
// requires a rule for every option. An option without a rule is refused as unknown at run time.

import { kindOf } from './plain-values.js';

/** A rule for the value of one option. @internal */
export interface OptionRule {
  /** Completes the sentence "must be …". */
  readonly mustBe: string;
  readonly isMet: (value: unknown) => boolean;
  /** True if the option has no default. */
  readonly isRequired?: boolean;
  /** True if errors must not show the value. */
  readonly isSecret?: boolean;
}

/** A rule for each option of a type. @internal */
export type OptionRules<Options> = { readonly [Name in keyof Required<Options>]: OptionRule };

/** Checked options. An option that was not given has no field, instead of a field with the value `undefined`. @internal */
export type Given<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };

/** Returns the name that was probably meant, if there is one. */
export type FindNearest = (name: string, names: readonly string[]) => string | undefined;

/**
 * Checks options. Leaves out options with the value `undefined`, because they count as not given.
 *
 * @param refuse creates the error from a sentence that names the option, what is allowed, and the value unless it is a secret
 * @internal
 */
export function checkOptions<Options extends object>(
  options: Options,
  rules: OptionRules<NoInfer<Options>>,
  refuse: (fault: string) => Error,
  findNearest: FindNearest = () => undefined,
): Given<Options> {
  if (!isObject(options)) throw refuse(`the options must be an object, not ${shown(options)}`);
  const table = rules as Readonly<Record<string, OptionRule>>;
  const names = Object.keys(table);
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const nearest = findNearest(name, names);
    throw refuse(
      `${name} is not an option: ${nearest === undefined ? `the options are ${names.join(', ')}` : `did you mean ${nearest}?`}`,
    );
  }
  const given: Record<string, unknown> = {};
  for (const name of names) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const { mustBe, isMet, isRequired, isSecret } = table[name] as OptionRule; // The cast is safe: `name` is a key of `table`.
    if (value === undefined ? isRequired : !isMet(value))
      throw refuse(`${name} must be ${mustBe}${isSecret ? '' : `, not ${shown(value)}`}`);
    if (value !== undefined) given[name] = value;
  }
  return given as Given<Options>; // The cast is safe: each value has met the rule of its option.
}

const MAX_SHOWN_CHARS = 60;

/**
 * Describes a value in an error. Texts, numbers and the first entries of a list are shown. Other values are named by their
 * kind.
 * @internal
 */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > MAX_SHOWN_CHARS ? `${value.slice(0, MAX_SHOWN_CHARS)}…` : value);
  }
  if (Array.isArray(value)) {
    const entries = value.slice(0, 3).map((entry: unknown) => (Array.isArray(entry) ? '[…]' : shown(entry)));
    return `[${[...entries, ...(value.length > 3 ? ['…'] : [])].join(', ')}]`;
  }
  return isObject(value) || typeof value === 'function' ? kindOf(value) : String(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

// The rules that options of several packages share.
import { MAX_TIMER_MS } from '../clock.js';
import type { OptionRule } from './check-options.js';

/** Returns the same rule for an option that has no default. */
export function required(rule: OptionRule): OptionRule {
  return { ...rule, isRequired: true };
}

/** Returns the same rule for an option whose value is never shown. */
export function secret(rule: OptionRule): OptionRule {
  return { ...rule, isSecret: true };
}

/** A whole number. */
export function wholeNumber(min = 1, max = Number.MAX_SAFE_INTEGER): OptionRule {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  return {
    mustBe: `a whole number ${range}`,
    isMet: (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
  };
}

/** A number, possibly with a fraction or infinite. */
export function atLeast(min: number): OptionRule {
  return {
    mustBe: `a number of ${min} or more`,
    isMet: (value) => typeof value === 'number' && value >= min,
  };
}

/** A number of milliseconds that a timer may wait. */
export function timerMs(min = 1): OptionRule {
  return wholeNumber(min, MAX_TIMER_MS);
}

/** One of these values. */
export function oneOf(...values: readonly (string | number | boolean)[]): OptionRule {
  return {
    mustBe: values.map((value) => JSON.stringify(value)).join(' or '),
    isMet: (value) => values.some((allowed) => allowed === value),
  };
}

/** True or false. */
export const flag: OptionRule = oneOf(true, false);

/** A text. */
export function text(minChars = 1, maxChars = Number.POSITIVE_INFINITY): OptionRule {
  const bounds = maxChars === Number.POSITIVE_INFINITY ? `${minChars} or more` : `${minChars} to ${maxChars}`;
  return {
    mustBe:
      minChars === 0 && maxChars === Number.POSITIVE_INFINITY ? 'a text' : `a text of ${bounds} characters`,
    isMet: (value) => typeof value === 'string' && value.length >= minChars && value.length <= maxChars,
  };
}

/** A function. */
export const callback: OptionRule = { mustBe: 'a function', isMet: (value) => typeof value === 'function' };

/** An object that has the functions `methods`, and whose `optionalMethods` are functions or absent. */
export function objectWith(methods: readonly string[], optionalMethods: readonly string[] = []): OptionRule {
  const all = methods.map((name) => `${name}()`).join(', ');
  return {
    mustBe: all === '' ? 'an object' : `an object with ${all}`,
    isMet: (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((name) => typeof Reflect.get(value, name) === 'function') &&
      optionalMethods.every((name) => ['function', 'undefined'].includes(typeof Reflect.get(value, name))),
  };
}

/** A list whose entries all follow the rule. */
export function listOf({ mustBe, isMet }: OptionRule): OptionRule {
  return {
    mustBe: `a list, with each entry ${mustBe}`,
    isMet: (value) => Array.isArray(value) && value.every(isMet),
  };
}

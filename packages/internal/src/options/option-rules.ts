// The rules that options of several packages share.
import { MAX_TIMER_MS } from '../clock.js';
import type { OptionRule } from './check-options.js';
import { isPlainFunction } from './plain-values.js';

/** Marks an option as required: it has no default. @internal */
export function required(rule: OptionRule): OptionRule {
  return { ...rule, isRequired: true };
}

/** Marks an option as secret: errors never show its value. @internal */
export function secret(rule: OptionRule): OptionRule {
  return { ...rule, isSecret: true };
}

/** A whole number. @internal */
export function wholeNumber(min = 1, max = Number.MAX_SAFE_INTEGER): OptionRule {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  return {
    mustBe: `a whole number ${range}`,
    isMet: (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
  };
}

/** A number, possibly with a fraction or infinite. @internal */
export function atLeast(min: number): OptionRule {
  return {
    mustBe: `a number of ${min} or more`,
    isMet: (value) => typeof value === 'number' && value >= min,
  };
}

/** A number of milliseconds that a timer may wait. @internal */
export function timerMs(min = 1): OptionRule {
  return wholeNumber(min, MAX_TIMER_MS);
}

/** One of these values. @internal */
export function oneOf(...values: readonly (string | number | boolean)[]): OptionRule {
  return {
    mustBe: values.map((value) => JSON.stringify(value)).join(' or '),
    isMet: (value) => values.some((allowed) => allowed === value),
  };
}

/** True or false. @internal */
export const flag: OptionRule = oneOf(true, false);

/** A text. @internal */
export function text(minChars = 1, maxChars = Number.POSITIVE_INFINITY): OptionRule {
  const bounds = maxChars === Number.POSITIVE_INFINITY ? `${minChars} or more` : `${minChars} to ${maxChars}`;
  return {
    mustBe:
      minChars === 0 && maxChars === Number.POSITIVE_INFINITY
        ? 'a string'
        : `a string of ${bounds} characters`,
    isMet: (value) => typeof value === 'string' && value.length >= minChars && value.length <= maxChars,
  };
}

/** A function. @internal */
export const callback: OptionRule = { mustBe: 'a function', isMet: (value) => typeof value === 'function' };

/** A function whose result is used at once, so not an async function. @internal */
export const plainFunction: OptionRule = { mustBe: 'a function', isMet: isPlainFunction };

/** An object that has the functions `methods`, and whose `optionalMethods` are functions or absent. @internal */
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

/** An object, or a function that returns one. @internal */
export function objectOrFunction(): OptionRule {
  return {
    mustBe: 'an object or a function that returns one',
    isMet: (value) => (typeof value === 'object' && value !== null) || typeof value === 'function',
  };
}

/** A list whose entries all follow the rule. @internal */
export function listOf({ mustBe, isMet }: OptionRule): OptionRule {
  return {
    mustBe: `a list, with each entry ${mustBe}`,
    isMet: (value) => Array.isArray(value) && value.every(isMet),
  };
}

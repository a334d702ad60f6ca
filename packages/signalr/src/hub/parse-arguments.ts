/*
 * A minimal argument parser with one type guard per argument. Any schema library can replace it.
 */
import { SignalRError } from '../errors.js';

const WRONG_TYPE =
  'Error binding arguments. ' +
  'Make sure that the types of the provided values match the types of the hub method being invoked.';

/** Returns true for values of a type. @beta */
export type Guard<T> = (value: unknown) => value is T;

/**
 * Creates a parser for {@link method}. The parser accepts exactly one argument per guard, and each argument must have the
 * guard's type. For a wrong number or a wrong type, it throws SignalRError `invalid_argument` with .NET's text.
 * @beta
 */
export function parseArguments<Args extends readonly unknown[]>(
  ...guards: { readonly [Index in keyof Args]: Guard<Args[Index]> }
): (args: readonly unknown[]) => Args {
  return (args) => {
    if (args.length !== guards.length) {
      const text = `Invocation provides ${args.length} argument(s) but target expects ${guards.length}.`;
      throw new SignalRError('invalid_argument', text);
    }
    if (!guards.every((guard, index) => guard(args[index])))
      throw new SignalRError('invalid_argument', WRONG_TYPE);
    // The cast is safe: the guards have checked the number and the types of the arguments.
    return args as unknown as Args;
  };
}

/** True for a string. @beta */
export const isString: Guard<string> = (value): value is string => typeof value === 'string';
/** True for a number. @beta */
export const isNumber: Guard<number> = (value): value is number => typeof value === 'number';
/** True for a boolean. @beta */
export const isBoolean: Guard<boolean> = (value): value is boolean => typeof value === 'boolean';

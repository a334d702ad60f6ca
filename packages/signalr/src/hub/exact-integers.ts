/*
 * The rule for integers beyond ±(2^53 − 1), which a JavaScript number cannot represent exactly. Both protocols read them as
 * bigints. A hub that does not accept bigints refuses them, so that no value is changed silently.
 */
import { HubError } from '../errors.js';
import { MAXIMUM_DEPTH } from '../protocol/maximum-depth.js';

const REMEDY = 'this hub does not accept integers beyond ±(2^53 - 1). Send the value as text.';

/** @throws HubError that names the argument, if one of the arguments contains a bigint */
export function refuseBigints(args: readonly unknown[]): void {
  const index = args.findIndex((argument) => containsBigint(argument));
  if (index >= 0) throw new HubError(`Argument ${index + 1} is too large: ${REMEDY}`);
}

/** The error for a bigint in an item of a stream, or in the client's answer to a call. */
export function bigintRefused(what: string): HubError {
  return new HubError(`${what} is too large: ${REMEDY}`);
}

/**
 * True for a bigint, and for a value that contains one. Does not search deeper than the levels of nesting at which the
 * protocols allow bigints.
 */
export function containsBigint(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  if (ArrayBuffer.isView(value) || depth > MAXIMUM_DEPTH) return false;
  return Object.values(value).some((item) => containsBigint(item, depth + 1));
}

// Reads the values of options. A value that breaks its rule is refused with a message that names the option and the rule.
import { isEntryId } from '@millrace/broker';
import { MAX_TIMER_MS } from '@millrace/internal';
import { type Command, InvalidArgumentError } from 'commander';
import { GatewayError } from '../errors.js';

/** Ten years. Every clock and library reads the time at which such a token expires. */
const maxTokenMinutes = 5_256_000;

/**
 * Lets every option and argument of a command, and of the commands below it, refuse an empty value. A shell passes one for a variable
 * that is not set. Call it when all options are declared.
 */
export function refuseEmptyValues(command: Command): void {
  const values = [...command.options.filter(({ required }) => required), ...command.registeredArguments];
  for (const value of values) {
    const { parseArg } = value;
    value.argParser((text: string, before: unknown) => {
      if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.');
      return parseArg === undefined ? text : parseArg(text, before);
    });
  }
  for (const child of command.commands) refuseEmptyValues(child);
}

export function httpUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must be an address such as http://localhost:4400.');
  const { username, password } = new URL(text);
  // The message of commander repeats the value.
  if (username !== '' || password !== '')
    throw new GatewayError('invalid_arguments', '--url must be an address without a user and a password.');
  return text;
}

/** Returns a reader of a token or key. The message does not repeat the value. */
export function credential(option: string): (text: string) => string {
  return (text) => {
    if (isCredential(text)) return text;
    throw new GatewayError(
      'invalid_arguments',
      `${option} must be printable ASCII characters, without spaces.`,
    );
  };
}

/** True for a text that a request can carry as a bearer token. */
export function isCredential(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** Reads a list as the settings do: separated by commas, spaces around an entry do not count. */
export function texts(text: string): readonly string[] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length > 0) return entries;
  throw new InvalidArgumentError('It must name at least one.');
}

export function positiveInteger(text: string): number {
  const number = /^[1-9]\d*$/.test(text) ? Number(text) : 0;
  if (number === 0) throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  if (Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError(`It must be ${Number.MAX_SAFE_INTEGER} at most.`);
}

export function tokenMinutes(text: string): number {
  const minutes = positiveInteger(text);
  if (minutes <= maxTokenMinutes) return minutes;
  throw new InvalidArgumentError(`It must be ${maxTokenMinutes} at most, which is ten years.`);
}

/** Returns milliseconds. */
export function duration(text: string): number {
  const [, number, unit] = /^([1-9]\d{0,6})([smh])$/.exec(text) ?? [];
  const ms = Number(number) * (unit === 'h' ? 3_600_000 : unit === 'm' ? 60_000 : 1_000);
  if (ms <= MAX_TIMER_MS) return ms;
  throw new InvalidArgumentError('It must be a time such as 24h, 90m or 30s, of at most 24 days.');
}

export function listLimit(text: string): number {
  const limit = positiveInteger(text);
  if (limit > 1_000) throw new InvalidArgumentError('It must be 1000 at most; --before gives the next ones.');
  return limit;
}

export function entryId(text: string): string {
  if (!isEntryId(text)) throw new InvalidArgumentError('It must be an ID such as 1768557600000-0.');
  return text;
}

export function entryIds(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, entryId(text)];
}

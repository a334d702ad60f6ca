/*
 * The arguments and results of the recorded server's methods, as JavaScript values.
 */
import {
  type HubContext,
  HubError,
  type HubMethodsOf,
  isBoolean,
  isNumber,
  isString,
  method,
  parseArguments,
} from '../../src/index.js';

/** The recorded clients accept any target. */
export type AnyClient = Record<string, (...args: unknown[]) => unknown>;
export type ReplayContext = HubContext<AnyClient, undefined, Record<string, unknown>>;

function isAny(_value: unknown): _value is unknown {
  return true;
}

function isInt(value: unknown): value is number {
  return isNumber(value) && (value | 0) === value;
}

function orNull<Value>(guard: (value: unknown) => value is Value) {
  return (value: unknown): value is Value | null => value === null || guard(value);
}

function isIntList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isInt);
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** True for bytes in either form: base64 text in JSON, an array of bytes in MessagePack. */
function isBytes(value: unknown): value is string | Uint8Array {
  return value instanceof Uint8Array || (isString(value) && BASE64.test(value));
}

function echo<Value>(guard: (value: unknown) => value is Value) {
  return method(parseArguments(guard), (_context: ReplayContext, value) => value);
}

/** An exception of .NET whose text must not reach a client. */
class InvalidOperationException extends Error {
  override readonly name = 'InvalidOperationException';
}

/** The error for every place where the recorded server threw an exception other than HubException. */
export function secret(): Error {
  return new InvalidOperationException('the secret is 1234');
}

function fail(error: Error): never {
  throw error;
}

/** Methods that accept and return values, and methods that fail. */
export const valueMethods = {
  Echo: echo(isAny),
  EchoText: echo(orNull(isString)),
  EchoInt: echo(isInt),
  EchoLong: echo(isNumber),
  EchoDouble: echo(isNumber),
  EchoBool: echo(isBoolean),
  EchoMaybe: echo(orNull(isInt)),
  EchoBytes: method(parseArguments(orNull(isBytes)), (_context: ReplayContext, value) =>
    isString(value) ? Buffer.from(value, 'base64') : value,
  ),
  EchoDate: echo(isAny),
  EchoDateOffset: echo(isAny),
  EchoGuid: echo(isString),
  EchoColor: echo(isInt),
  EchoList: echo(isIntList),
  EchoPerson: echo(isAny),
  UtcDate: method(parseArguments(), () => new Date('2026-01-16T12:30:45.123Z')),
  PlainDate: method(parseArguments(), () => '2026-01-16T12:30:45'),
  OffsetDate: method(parseArguments(), () => '2026-01-16T12:30:45.5+02:00'),
  LateDate: method(parseArguments(), () => new Date('2600-01-16T12:30:45.123Z')),
  OldDate: method(parseArguments(), () => new Date('1900-01-16T12:30:45.123Z')),
  Bytes: method(parseArguments(isInt), (_context: ReplayContext, count) =>
    Buffer.from(Array.from({ length: count }, (_none, index) => index)),
  ),
  Ann: method(parseArguments(), () => ({
    name: 'Ann',
    age: 41,
    born: '1985-03-01T00:00:00Z',
    avatar: Buffer.from([1, 2, 3]),
    favourite: 1,
    scores: { Chess: 7 },
  })),
  Repeat: method(parseArguments(isString, isInt), (_context: ReplayContext, text, count) =>
    text.repeat(count),
  ),
  Nothing: method(parseArguments(), () => {}),
  NothingLater: method(parseArguments(), async () => {}),
  NothingValueTask: method(parseArguments(), () => undefined),
  Null: method(parseArguments(), () => null),
  AddLater: method(parseArguments(isInt, isInt), async (_context: ReplayContext, a, b) => {
    await Promise.resolve();
    return a + b;
  }),
  Add: method(parseArguments(isInt, isInt), (_context: ReplayContext, a, b) => a + b),
  'other-name': method(parseArguments(), () => 'renamed'),
  Cyclic: method(parseArguments(), () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    return cyclic;
  }),
  FailHub: method(parseArguments(isString), (_context: ReplayContext, text): never =>
    fail(new HubError(text)),
  ),
  FailHubEmpty: method(parseArguments(), (): never => fail(new HubError(''))),
  Fail: method(parseArguments(), (): never => fail(secret())),
  FailLater: method(parseArguments(), async (): Promise<never> => {
    await Promise.resolve();
    return fail(secret());
  }),
  FailNested: method(parseArguments(), (): never =>
    fail(new InvalidOperationException('outer', { cause: new HubError('inner') })),
  ),
} satisfies HubMethodsOf<ReplayContext>;

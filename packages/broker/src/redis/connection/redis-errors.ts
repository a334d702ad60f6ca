// Maps each failure of Redis to the code of a `BrokerError`. Pure.
import { messageOf } from '@millrace/internal';
import { BrokerError, type BrokerErrorCode } from '../../errors.js';
import { ErrorReply } from '../resp/reply-cursor.js';
import type { NodeAddress } from './redis-url.js';

/**
 * First words of temporary error replies. Redis sends them during a failover, while it loads data, or while a script runs too
 * long.
 */
const PASSING = new Set([
  'LOADING',
  'BUSY',
  'MASTERDOWN',
  'READONLY',
  'CLUSTERDOWN',
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'MISCONF',
  'NOREPLICAS',
  'UNBLOCKED',
]);

/**
 * Converts an error to a `BrokerError`. The first word of an error reply decides the code. Every other error means a lost
 * connection. `nothingHappened` is set for error replies, because temporary errors come before the first write of a command or
 * script.
 */
export function fromRedisError(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  if (error instanceof ConnectFailure) {
    const { code, message, mayHaveHappened } = fromRedisError(error.cause);
    return new BrokerError(code, message, { cause: error, nothingHappened: !mayHaveHappened });
  }
  const message = messageOf(error);
  const nothingHappened = isErrorReply(error);
  const code: BrokerErrorCode = nothingHappened ? codeOfReply(message) : 'unavailable';
  return new BrokerError(code, messageOfReply(message), { cause: error, nothingHappened });
}

/** Remedies that follow the text of Redis. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^NOPERM\b|can't run this command/, 'docs/redis-rights.md lists the rights that are needed'],
  [
    /^WRONGTYPE\b/,
    'another program has written a key of Millrace; docs/streams-in-trouble.md names the keys and their types',
  ],
  [/unknown (?:redis )?command/i, 'the commands of Redis 7.0 are needed, under their own names'],
];

/** Returns the text of an error reply without the remedy that {@link messageOfReply} has added. */
export function withoutRemedy(message: string): string {
  return REMEDIES.reduce((text, [, remedy]) => text.replace(`; ${remedy}`, ''), message);
}

/**
 * Returns the message for an error reply: usually the text of Redis, with the remedy if there is one. If people must first repair
 * something, it names a page of the documentation instead.
 */
export function messageOfReply(message: string): string {
  const [, remedy] = REMEDIES.find(([pattern]) => pattern.test(message)) ?? [];
  // The arguments may be data.
  if (remedy !== undefined)
    return `Redis: ${message.replace(/,? with args beginning with:.*| script: \w+, on .*/s, '')}; ${remedy}`;
  // XADD has no error code for this case.
  return message.includes('exhausted the last possible ID')
    ? 'Redis: the stream has given out the largest ID there is; docs/streams-in-trouble.md says how to repair it'
    : `Redis: ${message}`;
}

/** Wraps the failure of a connection to a server whose address is not in the URL. Contains that address. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
  readonly address: NodeAddress;

  constructor(address: NodeAddress, cause: unknown) {
    super('', { cause });
    this.address = address;
  }
}

/** True if Redis itself answered with an error. The connection then still works. */
export function isErrorReply(error: unknown): error is ErrorReply {
  return error instanceof ErrorReply;
}

/** True if the server does not know the script, because it was restarted or its script cache was flushed. */
export function isNoScript(error: unknown): boolean {
  return isErrorReply(error) && error.message.startsWith('NOSCRIPT');
}

/** True if the server accepts no writes, because it has become a replica or the address now leads to a replica. */
export function isReadOnly(error: unknown): boolean {
  return isErrorReply(error) && error.message.startsWith('READONLY');
}

/** Returns the code for an error reply with this text. */
export function codeOfReply(message: string): BrokerErrorCode {
  const word = message.slice(0, message.search(/[^A-Z]|$/));
  if (word === 'OOM' || message.includes('OOM command not allowed')) return 'out_of_memory';
  return PASSING.has(word) ? 'unavailable' : 'refused';
}

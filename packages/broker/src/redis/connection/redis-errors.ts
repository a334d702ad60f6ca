// The code for each failure of Redis. Pure.
import { BrokerError, type BrokerErrorCode } from '../../errors.js';
import { ErrorReply } from '../resp/reply-cursor.js';

/** First words of error replies that are temporary: failover, loading, a script that runs too long. */
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
 * The error as a `BrokerError`: an error reply by its first word, everything else as a lost connection. A temporary error
 * comes before the first write of a command or script, so nothing has happened then.
 */
export function fromRedisError(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const nothingHappened = isErrorReply(error);
  const code: BrokerErrorCode = nothingHappened ? codeOfReply(message) : 'unavailable';
  return new BrokerError(code, messageOfReply(message), { cause: error, nothingHappened });
}

/** Message for an error reply: the words of Redis; where people must repair something first, the page that says what. */
export function messageOfReply(message: string): string {
  // XADD has no code of its own for it.
  return message.includes('exhausted the last possible ID')
    ? 'Redis: the stream has given out the largest ID there is; docs/streams-in-trouble.md says how to repair it'
    : `Redis: ${message}`;
}

/** True when Redis itself answered with an error: then the connection is sound. */
export function isErrorReply(error: unknown): error is ErrorReply {
  return error instanceof ErrorReply;
}

/** True when the server does not know the script (it was restarted, or its script cache flushed). */
export function isNoScript(error: unknown): boolean {
  return isErrorReply(error) && error.message.startsWith('NOSCRIPT');
}

/** True when the server accepts no writes: it was a master once, or the address leads to a replica now. */
export function isReadOnly(error: unknown): boolean {
  return isErrorReply(error) && error.message.startsWith('READONLY');
}

/** The code for an error reply with this text. */
export function codeOfReply(message: string): BrokerErrorCode {
  const word = message.slice(0, message.search(/[^A-Z]|$/));
  if (word === 'OOM' || message.includes('OOM command not allowed')) return 'out_of_memory';
  return PASSING.has(word) ? 'unavailable' : 'refused';
}

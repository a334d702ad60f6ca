// Explains why Redis cannot be used, and the remedy. The cause is in the error, or is found by probing the address.
import { BrokerError, type BrokerErrorCode } from '../../errors.js';
import { ConnectFailure, fromRedisError } from '../connection/redis-errors.js';
import { parseRedisUrl, type RedisUrl } from '../connection/redis-url.js';
import { hasExplanation, noteExplanation } from './explained.js';
import { type Failure, knownText, serverText, textOf } from './known-failures.js';
import { type Listener, probe } from './probe.js';

/** Codes whose messages need no explanation. */
const PLAIN: ReadonlySet<BrokerErrorCode> = new Set(['closed', 'partitions_differ', 'layout_differs']);

/**
 * Resolves to an error with the same code and cause. Its message names the address, the cause and the remedy. Probes the
 * address if the error tells too little, which takes up to two seconds. Never rejects.
 * @param url the broker's URL. Its passwords are removed from the message
 * @beta
 */
export function explainRedisFailure(error: unknown, url: string): Promise<BrokerError> {
  return explainFailure(error, parseRedisUrl(url));
}

/** Does the same as `explainRedisFailure` for a URL that was parsed already. */
export async function explainFailure(error: unknown, url: RedisUrl): Promise<BrokerError> {
  const failure = fromRedisError(error);
  if (hasExplanation(failure) || PLAIN.has(failure.code)) return failure;
  const where = masterAddressIn(failure) ?? url.addresses.join(', ');
  const subject = url.sentinel === undefined ? 'Redis' : `The master ${url.sentinel.masterName}`;
  const facts = { text: withoutSecrets(textOf(failure), url), redis: `${subject} at ${where}`, where };
  const message = await messageOf(facts, url);
  return noteExplanation(
    new BrokerError(failure.code, message, {
      cause: failure.cause ?? failure,
      nothingHappened: !failure.mayHaveHappened,
    }),
  );
}

async function messageOf(facts: Failure, url: RedisUrl): Promise<string> {
  if (url.sentinel !== undefined && /\bREADONLY\b|became the master/.test(facts.text)) {
    return `The Sentinels name ${facts.where} as the master ${url.sentinel.masterName}, but it is a replica. Try again after the failover, or see SENTINEL MASTER.`;
  }
  const known = knownText(facts);
  const message = (await otherListener(facts, url)) ?? (known === undefined ? otherText(facts) : `${known}.`);
  return url.sentinel === undefined
    ? message
    : `${message} The Sentinels gave this address; it must be reachable from here.`;
}

/** Returns the master's address if Sentinels gave it and the connection to it failed. */
function masterAddressIn(error: unknown, depth = 0): string | undefined {
  if (error instanceof ConnectFailure) return error.address;
  return error instanceof Error && depth < 5 ? masterAddressIn(error.cause, depth + 1) : undefined;
}

/** The address is not probed after these failures: it cannot be reached, or Redis has reported its version. */
const CONCLUSIVE =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOENT|EACCES|EPERM)\b|or newer is needed/;

/** Returns an explanation unless the server at the address is a Redis of the kind that the URL names. */
async function otherListener({ text, where }: Failure, url: RedisUrl): Promise<string | undefined> {
  const [first] = where.split(', ');
  if (first === undefined || CONCLUSIVE.test(text)) return undefined;
  return listenerText(await probe(first), where, url);
}

function listenerText(listener: Listener, where: string, { isTls, sentinel }: RedisUrl): string | undefined {
  const suffix = sentinel === undefined ? '' : '+sentinel';
  if (listener === 'http')
    return `What listens at ${where} speaks HTTP and is not Redis. Correct host and port in the Redis URL.`;
  if (listener === 'sentinel')
    return `What listens at ${where} is a Redis Sentinel, which keeps no data. Begin the Redis URL with redis+sentinel:// and name the master, or name the address of the master.`;
  if (listener === 'redis' && isTls)
    return `Redis at ${where} does not speak TLS. Begin the Redis URL with redis${suffix}://, or name the port that speaks TLS.`;
  return listener === 'tls' && !isTls
    ? `What listens at ${where} speaks TLS. Begin the Redis URL with rediss${suffix}://.`
    : undefined;
}

function otherText({ redis, text }: Failure): string {
  if (/ms$|[Tt]imeout/.test(text))
    return `${redis} does not answer. Is it a Redis, and is it running? Check the Redis URL.`;
  if (/Socket closed|ECONNRESET|EPIPE/.test(text))
    return `${redis} closes the connection without an answer. Is it a Redis? Check the Redis URL.`;
  return `${redis} cannot be used: ${serverText(text)}. Check the Redis URL.`;
}

/**
 * Removes the passwords from an error text. A server that does not know AUTH repeats the arguments of that command in its
 * error.
 */
function withoutSecrets(text: string, { password, sentinel }: RedisUrl): string {
  const secrets = [password, sentinel?.password ?? ''].filter((secret) => secret !== '');
  const withoutArguments = text.replace(/,? with args beginning with:.*/g, '');
  return secrets.reduce((result, secret) => result.replaceAll(secret, '…'), withoutArguments);
}

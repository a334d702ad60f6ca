// Explains why Redis cannot be used and what to do about it. All explanations are in this file. The cause is found in the error, or
// by probing the address.
import { BrokerError, type BrokerErrorCode } from '../../errors.js';
import { fromRedisError } from '../connection/redis-errors.js';
import { parseRedisUrl } from '../connection/redis-url.js';
import { type Listener, probe } from './probe.js';

/** Facts about a failure. */
interface Failure {
  /** The messages and system error codes of the error and its causes. */
  readonly text: string;
  /** Subject of the message: `Redis at host:port`. */
  readonly redis: string;
  readonly where: string;
}

type Explanation = (failure: Failure) => string;

const explained = new WeakSet<BrokerError>();

/** Codes whose messages need no explanation. */
const PLAIN: ReadonlySet<BrokerErrorCode> = new Set(['closed', 'partitions_differ', 'layout_differs']);

/**
 * Resolves to an error with the same code and cause, and with a message that names the address, the cause and
 * the remedy. If the error does not contain enough information, probes the address, which takes up to two
 * seconds. Never rejects.
 * @param url the broker's URL; its password is removed from the message
 */
export async function explainRedisFailure(error: unknown, url: string): Promise<BrokerError> {
  const failure = fromRedisError(error);
  if (explained.has(failure) || PLAIN.has(failure.code)) return failure;
  const { seeds } = parseRedisUrl(url);
  const where = seeds.join(', ');
  const facts = { text: withoutSecrets(textOf(failure), url), redis: `Redis at ${where}`, where };
  const message = (await otherListener(facts, url)) ?? knownText(facts) ?? otherText(facts);
  const result = new BrokerError(failure.code, message, {
    cause: failure.cause ?? failure,
    nothingHappened: !failure.mayHaveHappened,
  });
  explained.add(result);
  return result;
}

/** Explanations by the text of the error. The first pattern that matches is used. */
const KNOWN: readonly (readonly [RegExp, Explanation])[] = [
  [
    /\bENOTFOUND\b|\bEAI_AGAIN\b/,
    ({ where }) => `The host of Redis at ${where} cannot be resolved. Check its name in the Redis URL`,
  ],
  [
    /\bECONNREFUSED\b/,
    ({ where }) =>
      `Nothing listens at ${where}. Start Redis there, or correct host and port in the Redis URL`,
  ],
  [
    /\bEHOSTUNREACH\b|\bENETUNREACH\b|\bETIMEDOUT\b/,
    ({ redis }) => `${redis} cannot be reached over the network. Check the Redis URL, firewalls and routes`,
  ],
  [
    /\bWRONGPASS\b/,
    ({ redis }) =>
      `${redis} refuses the user or password. Correct them in the Redis URL: redis://user:password@host:port`,
  ],
  [
    /without any password configured|no password is set/,
    ({ redis }) =>
      `${redis} has no password, but the Redis URL gives one. Take it out of the Redis URL, or set it in Redis`,
  ],
  [
    /\bNOAUTH\b/,
    ({ redis }) => `${redis} requires a password. Give it in the Redis URL: redis://user:password@host:port`,
  ],
  [
    /\bNOPERM\b|can't (?:run this command|access at least one of the keys)/,
    ({ redis, text }) =>
      `${redis} denies its user a right that is needed: ${serverText(text)}. Give it with ACL SETUSER: docs/redis-rights.md lists all`,
  ],
  [
    /\bDENIED\b/,
    ({ redis }) =>
      `${redis} is in protected mode and accepts connections of its own machine only. Set a password and bind it to an address`,
  ],
  [
    /unknown command/,
    ({ redis, text }) =>
      `${redis} lacks a command that is needed: ${serverText(text)}. Redis 7.0 or newer is needed, with its commands under their own names, and no proxy before it`,
  ],
  [
    /max number of clients/,
    ({ redis }) => `${redis} has no connection left. Raise its maxclients, or close others`,
  ],
  [/7\.0 or newer is needed/, ({ redis, text }) => `${redis} is too old: ${serverText(text)}. Upgrade it`],
  [/\bLOADING\b/, ({ redis }) => `${redis} is still loading its data. Try again when it has`],
  [
    /\bREADONLY\b|\bMASTERDOWN\b/,
    ({ redis }) => `${redis} is a replica and accepts no writes. Name its master in the Redis URL`,
  ],
  [
    /\bCLUSTERDOWN\b|[Nn]ot every slot|serves this slot/,
    ({ redis }) => `${redis} is a cluster that does not serve every slot. See CLUSTER INFO`,
  ],
  [
    /\bNOREPLICAS\b/,
    ({ redis }) =>
      `${redis} accepts no writes because fewer replicas follow it than its min-replicas-to-write. Connect them, or lower it`,
  ],
  [/\bMISCONF\b/, ({ redis }) => `${redis} accepts no writes because it cannot save its data. See its log`],
  [/\bBUSY\b/, ({ redis }) => `${redis} is held up by a script that does not end. End it with SCRIPT KILL`],
  [
    /\bOOM\b/,
    ({ redis }) => `${redis} is out of memory and wrote nothing. Raise its maxmemory, or delete something`,
  ],
  [
    /SELECT is not allowed in cluster mode/,
    ({ redis }) =>
      `${redis} is a node of a cluster, which has no database but 0. Take the number out of the Redis URL`,
  ],
  [
    /DB index is out of range|invalid DB index/,
    ({ redis }) => `${redis} does not have the database that the Redis URL names. Take another number`,
  ],
  [
    /ALTNAME_INVALID/,
    ({ redis }) =>
      `The certificate of ${redis} is for another host name. Give the name that it is for in the Redis URL`,
  ],
  [/CERT_HAS_EXPIRED/, ({ redis }) => `The certificate of ${redis} has expired. Renew it`],
  [
    /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_UNTRUSTED/,
    ({ redis }) =>
      `The certificate of ${redis} is signed by an authority that is unknown here. Name the file of that authority in NODE_EXTRA_CA_CERTS`,
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/,
    ({ redis }) =>
      `${redis} requires a certificate of its clients, which is not supported. Set its tls-auth-clients to no`,
  ],
];

function knownText(failure: Failure): string | undefined {
  const text = KNOWN.find(([pattern]) => pattern.test(failure.text))?.[1](failure);
  return text === undefined ? undefined : `${text}.`;
}

/** Failures after which the address is not probed, because it cannot be reached or because Redis has reported its version. */
const CONCLUSIVE =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)\b|or newer is needed/;

/** Returns the explanation if something other than the Redis of the URL listens at the address, otherwise `undefined`. */
async function otherListener({ text, where }: Failure, url: string): Promise<string | undefined> {
  const [first] = parseRedisUrl(url).seeds;
  if (first === undefined || CONCLUSIVE.test(text)) return undefined;
  return listenerText(await probe(first), where, url.startsWith('rediss:'));
}

function listenerText(listener: Listener, where: string, isTls: boolean): string | undefined {
  if (listener === 'http')
    return `What listens at ${where} speaks HTTP and is no Redis. Correct host and port in the Redis URL.`;
  if (listener === 'sentinel')
    return `What listens at ${where} is a Redis Sentinel, which keeps no data. Name the master that it watches in the Redis URL.`;
  if (listener === 'redis' && isTls)
    return `Redis at ${where} does not speak TLS. Begin the Redis URL with redis://, or name the port that speaks TLS.`;
  return listener === 'tls' && !isTls
    ? `What listens at ${where} speaks TLS. Begin the Redis URL with rediss://.`
    : undefined;
}

function otherText({ redis, text }: Failure): string {
  if (/ms$|[Tt]imeout/.test(text))
    return `${redis} does not answer. Is it a Redis, and is it running? Check the Redis URL.`;
  if (/Socket closed|ECONNRESET|EPIPE/.test(text))
    return `${redis} closes the connection without an answer. Is it a Redis? Check the Redis URL.`;
  return `${redis} cannot be used: ${serverText(text)}. Check the Redis URL.`;
}

/** Returns the first line of a text in a form that fits into a sentence: without the prefix `Redis:` and the final period. */
function serverText(text: string): string {
  const [line = ''] = text.split('\n');
  return line.replace(/^Redis: /, '').replace(/[.\s]+$/, '');
}

/**
 * Joins the messages and codes of an error and its causes. Reads at most five levels of causes, because a
 * chain of causes may be circular.
 */
function textOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return '';
  const code = 'code' in error && depth > 0 ? String(error.code) : '';
  const causes = [error.cause, ...(error instanceof AggregateError ? error.errors : [])];
  return [error.message, code, ...causes.map((cause) => textOf(cause, depth + 1))].filter(Boolean).join('\n');
}

/**
 * Removes the password from an error text. The text may contain it, because a server that does not know AUTH repeats the arguments
 * of that command in its error.
 */
function withoutSecrets(text: string, url: string): string {
  const withoutArguments = text.replace(/,? with args beginning with:.*/g, '');
  const [, credentials = ''] = /^\w+:\/\/(.*)@/s.exec(url) ?? [];
  const password = decodeURIComponent(credentials.slice(credentials.indexOf(':') + 1));
  return password === '' ? withoutArguments : withoutArguments.replaceAll(password, '…');
}

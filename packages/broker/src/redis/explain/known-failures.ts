// The known reasons why a server cannot be used, each with its remedy.
import { withoutRemedy } from '../connection/redis-errors.js';

/** Facts about a failure. */
export interface Failure {
  /** The messages and system error codes of the error and its causes. */
  readonly text: string;
  /** Subject of the message: `Redis at host:port`. */
  readonly redis: string;
  readonly where: string;
}

type Explanation = (failure: Failure) => string;

/** Explanations by the text of the error. The first pattern that matches is used. */
const KNOWN: readonly (readonly [RegExp, Explanation])[] = [
  [
    /\bENOENT\b/,
    ({ where }) =>
      `There is no socket at ${where}. Start Redis with this unixsocket, or correct the path in the Redis URL`,
  ],
  [
    /\bEACCES\b|\bEPERM\b/,
    ({ where }) =>
      `The socket at ${where} may not be opened by the user of this process. Let it (unixsocketperm, and the group of the socket)`,
  ],
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
    ({ redis }) =>
      `${redis} is a replica and accepts no writes. Name its master in the Redis URL, or its Sentinels`,
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
      `The certificate of ${redis} is for another host name. Give the name that it is for in the Redis URL, or as the TLS server name`,
  ],
  [/CERT_HAS_EXPIRED/, ({ redis }) => `The certificate of ${redis} has expired. Renew it there`],
  [
    /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_UNTRUSTED/,
    ({ redis }) =>
      `The certificate of ${redis} is signed by an authority that is not trusted here. Give the certificate of that authority as the TLS CA`,
  ],
  [
    /CERT_NOT_YET_VALID/,
    ({ redis }) => `The certificate of ${redis} is not valid yet. Check the clock of this machine`,
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/,
    ({ redis }) =>
      `${redis} requires a certificate of its clients. Give one as the TLS certificate, with its TLS key`,
  ],
  [
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(?:EXPIRED|REVOKED|UNKNOWN)|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)/,
    ({ redis, text }) =>
      `${redis} refuses the certificate of this client (${alertIn(text)}). Give another one as the TLS certificate, with its TLS key`,
  ],
];

/** Returns the reason in a TLS alert, such as `unknown ca`. */
function alertIn(text: string): string {
  return (/ALERT_([A-Z_]+)/.exec(text)?.[1] ?? 'alert').toLowerCase().replaceAll('_', ' ');
}

/** Returns the explanation without a period at its end, or `undefined` for an unknown failure. */
export function knownText(failure: Failure): string | undefined {
  return KNOWN.find(([pattern]) => pattern.test(failure.text))?.[1](failure);
}

/** Returns a text's first line in a form that fits into a sentence: without the prefix `Redis:` and the final period. */
export function serverText(text: string): string {
  const [line = ''] = text.split('\n');
  return withoutRemedy(line)
    .replace(/^Redis: /, '')
    .replace(/[.\s]+$/, '');
}

/**
 * Joins the messages and codes of an error and its causes. A chain of causes may be circular, so at most five levels are
 * read.
 */
export function textOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return '';
  const code = 'code' in error && depth > 0 ? String(error.code) : '';
  const causes = [error.cause, ...(error instanceof AggregateError ? error.errors : [])];
  return [error.message, code, ...causes.map((cause) => textOf(cause, depth + 1))].filter(Boolean).join('\n');
}

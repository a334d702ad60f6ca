// Explains why no Sentinel names the master. Names each Sentinel with its reason and the remedy.
import { BrokerError } from '../../errors.js';
import { fromRedisError } from '../connection/redis-errors.js';
import type { NodeAddress } from '../connection/redis-url.js';
import { noteExplanation } from './explained.js';
import { knownText, serverText, textOf } from './known-failures.js';

/** A Sentinel that named no master. */
export interface SentinelFailure {
  readonly address: NodeAddress;
  readonly error: unknown;
}

/**
 * Returns the error for a lookup without a result. The code is `refused` if every Sentinel has answered, because another
 * lookup would fail, too. Otherwise it is `unavailable`.
 */
export function sentinelsFailed(masterName: string, failures: readonly SentinelFailure[]): BrokerError {
  const isFinal = failures.every(({ error }) => fromRedisError(error).code === 'refused');
  const reasons = [...failures]
    .sort((a, b) => (a.address < b.address ? -1 : 1))
    .map(({ address, error }) => `${reasonOf(address, textOf(fromRedisError(error)), masterName)}.`);
  const message = `No Sentinel names the master ${masterName}. ${[...new Set(reasons)].join(' ')}`;
  return noteExplanation(
    new BrokerError(isFinal ? 'refused' : 'unavailable', message, {
      cause: new AggregateError(failures.map(({ error }) => error)),
      nothingHappened: true,
    }),
  );
}

type Reason = (address: NodeAddress, masterName: string) => string;

/** Reasons that differ from those of a Redis server. The first pattern that matches is used. */
const KNOWN: readonly (readonly [RegExp, Reason])[] = [
  [
    /knows no master/,
    (address, masterName) =>
      `The Sentinel at ${address} knows no master with the name ${masterName}: write the name as in its SENTINEL MASTERS`,
  ],
  [
    /\bECONNREFUSED\b/,
    (address) => `Nothing listens at ${address}: start the Sentinel there, or correct the Redis URL`,
  ],
  [
    /unknown command/,
    (address) =>
      `What listens at ${address} is not a Sentinel: name the port of the Sentinel, or begin the Redis URL with redis://`,
  ],
  [
    /\bWRONGPASS\b|without any password configured|no password is set/,
    (address) =>
      `The Sentinel at ${address} refuses the login: correct sentinel_user and sentinel_password in the Redis URL, or take them out`,
  ],
  [
    /\bNOAUTH\b/,
    (address) =>
      `The Sentinel at ${address} requires a password: give it as sentinel_password in the Redis URL`,
  ],
  [
    /\bNOPERM\b/,
    (address) =>
      `The Sentinel at ${address} denies its user the right to SENTINEL GET-MASTER-ADDR-BY-NAME: give it with ACL SETUSER`,
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNSUPPORTED_PROTOCOL/,
    (address) => `The Sentinel at ${address} does not speak TLS: begin the Redis URL with redis+sentinel://`,
  ],
  [/\d ms\b/, (address) => `The Sentinel at ${address} does not answer: check that it runs`],
  [
    /Socket closed|ECONNRESET|EPIPE/,
    (address) =>
      `What listens at ${address} closes the connection: if it speaks TLS, begin the Redis URL with rediss+sentinel://`,
  ],
];

function reasonOf(address: NodeAddress, text: string, masterName: string): string {
  const own = KNOWN.find(([pattern]) => pattern.test(text))?.[1](address, masterName);
  const redis = `The Sentinel at ${address}`;
  return own ?? knownText({ text, redis, where: address }) ?? `${redis} cannot be used: ${serverText(text)}`;
}

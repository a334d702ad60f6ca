/*
 * A directory of connections in Redis: one key per connection, which expires after its instance has ended.
 */
import { SignalRError } from '../errors.js';
import type { ConnectionDirectory } from '../instances/connection-directory.js';
import { within } from './within.js';

/** The part of a client that a directory needs; the clients of `redis` and `@redis/client` fit, clusters included. */
export interface RedisDirectoryClient {
  get(key: string): Promise<unknown>;
  eval(script: string, options: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>;
}

/** Options of {@link createRedisDirectory}. */
export interface RedisDirectoryOptions {
  /** A connected client; its owner closes it after the directory. It should reject commands at once while Redis is unreachable. */
  readonly client: RedisDirectoryClient;
  /** The prefix of all keys; the same on all instances. @defaultValue 'signalr:connection:' */
  readonly keyPrefix?: string;
  /** How long a claim outlives an instance that was killed. @defaultValue 60_000 */
  readonly claimTtlMs?: number;
  /** A command that takes longer counts as failed. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
}

/** A directory that renews its claims until it is closed. */
export interface RedisDirectory extends ConnectionDirectory {
  /** Releases all claims. Never rejects. */
  close(): Promise<void>;
}

/** KEYS: connection. ARGV: url, ttl. Returns 1 when the claim belongs to this url. */
const CLAIM = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** KEYS: connection. ARGV: url. */
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

/**
 * A claim is renewed three times within its TTL, so a claim that Redis lost is restored after a third of it. Bounded by the number of
 * claimed connections.
 * @throws SignalRError `invalid_option`
 */
export function createRedisDirectory(options: RedisDirectoryOptions): RedisDirectory {
  const {
    client,
    keyPrefix = 'signalr:connection:',
    claimTtlMs = 60_000,
    commandTimeoutMs = 2_000,
  } = options;
  if (!Number.isSafeInteger(claimTtlMs) || claimTtlMs < 3) {
    throw new SignalRError(
      'invalid_option',
      'The option claimTtlMs must be a whole number of milliseconds, 3 or more.',
    );
  }
  /** Claims of this process: url by connection id. */
  const claims = new Map<string, string>();
  const claim = async (connectionId: string, url: string): Promise<boolean> => {
    const command = { keys: [keyPrefix + connectionId], arguments: [url, String(claimTtlMs)] };
    const reply = await within(commandTimeoutMs, client.eval(CLAIM, command));
    return Number(reply) === 1;
  };
  const release = (connectionId: string, url: string): Promise<unknown> =>
    // A claim that cannot be released expires.
    within(
      commandTimeoutMs,
      client.eval(RELEASE, { keys: [keyPrefix + connectionId], arguments: [url] }),
    ).catch(() => undefined);
  const renewal = setInterval(() => {
    for (const [connectionId, url] of claims) claim(connectionId, url).catch(() => undefined);
  }, claimTtlMs / 3);
  renewal.unref();
  return {
    async claim(connectionId, url) {
      const isOurs = await claim(connectionId, url);
      if (isOurs) claims.set(connectionId, url);
      return isOurs;
    },
    async find(connectionId) {
      const url = await within(commandTimeoutMs, client.get(keyPrefix + connectionId));
      return typeof url === 'string' ? url : undefined;
    },
    release(connectionId, url) {
      if (claims.delete(connectionId)) void release(connectionId, url);
    },
    async close() {
      clearInterval(renewal);
      await Promise.all(Array.from(claims, ([connectionId, url]) => release(connectionId, url)));
      claims.clear();
    },
  };
}

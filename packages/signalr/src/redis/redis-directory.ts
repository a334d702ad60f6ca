/*
 * A directory of connections in Redis: one key per connection, which dies with its instance.
 */
import { SignalRError } from '../errors.js';
import type { ConnectionDirectory } from '../instances/connection-directory.js';
import { within } from './within.js';

/** What a directory needs of a client; those of `redis` and `@redis/client` have it, clusters included. */
export interface RedisDirectoryClient {
  get(key: string): Promise<unknown>;
  eval(script: string, options: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>;
}

/** Options of {@link createRedisDirectory}. */
export interface RedisDirectoryOptions {
  /** Connected, and closed by its owner after the directory. Should reject at once while Redis is away. */
  readonly client: RedisDirectoryClient;
  /** What all keys begin with; the same on all instances. @defaultValue 'signalr:connection:' */
  readonly keyPrefix?: string;
  /** How long a claim outlives an instance that was killed. @defaultValue 60_000 */
  readonly claimTtlMs?: number;
  /** After this a command counts as failed. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
}

/** A directory that renews its claims until it is closed. */
export interface RedisDirectory extends ConnectionDirectory {
  /** Gives up all claims. Never rejects. */
  close(): Promise<void>;
}

/** KEYS: connection. ARGV: url, ttl. Returns 1 when it is this url's now. */
const CLAIM = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** KEYS: connection. ARGV: url. */
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

/**
 * A claim is renewed three times in its time, so one that Redis lost is back after a third of it. Bounded by the
 * connections that claim.
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
    throw new SignalRError('invalid_option', 'claimTtlMs is a whole number of milliseconds, 3 or more.');
  }
  /** Claims of this process: url by connection id. */
  const claims = new Map<string, string>();
  const claim = async (connectionId: string, url: string): Promise<boolean> => {
    const parts = { keys: [keyPrefix + connectionId], arguments: [url, String(claimTtlMs)] };
    const reply = await within(commandTimeoutMs, client.eval(CLAIM, parts));
    return Number(reply) === 1;
  };
  const release = (connectionId: string, url: string): Promise<unknown> =>
    // What cannot be released runs out.
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

/*
 * A directory of connections in Redis, with one key per connection. The keys of an instance that has ended expire.
 */
import {
  checkOptions,
  nearestName,
  type OptionRules,
  objectWith,
  required,
  text,
  timerMs,
} from '@millrace/internal';
import { invalidOption } from '../errors.js';
import type { ConnectionDirectory } from '../instances/connection-directory.js';
import { within } from './within.js';

/**
 * The part of a client that a directory needs. The clients of `redis` and `@redis/client` have this part, including cluster
 * clients.
 * @beta
 */
export interface RedisDirectoryClient {
  get(key: string): Promise<unknown>;
  eval(script: string, options: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>;
}

/** Options of {@link createRedisDirectory}. @beta */
export interface RedisDirectoryOptions {
  /**
   * A connected client. The application closes it after it has closed the directory. The client should reject commands at
   * once while Redis is unreachable.
   */
  readonly client: RedisDirectoryClient;
  /** The prefix of all keys, which is the same on all instances. @defaultValue 'signalr:connection:' */
  readonly keyPrefix?: string;
  /** Time after which the claims of a killed instance expire. @defaultValue 60_000 */
  readonly claimTtlMs?: number;
  /** Maximum time for a Redis command. A command that takes longer counts as failed. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
}

/** A directory that renews its claims until it is closed. @beta */
export interface RedisDirectory extends ConnectionDirectory {
  /** Releases all claims. Never rejects. */
  close(): Promise<void>;
}

/**
 * Claims a connection. KEYS: the key of the connection. ARGV: the URL, the TTL in milliseconds. Returns 1 if the claim belongs to
 * this URL.
 */
const CLAIM = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Deletes the claim if it belongs to this URL. KEYS: the key of the connection. ARGV: the URL. */
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

const RULES: OptionRules<RedisDirectoryOptions> = {
  client: required(objectWith(['get', 'eval'])),
  keyPrefix: text(0),
  // Claims are renewed after a third of this time. That third must be at least 1 ms.
  claimTtlMs: timerMs(3),
  commandTimeoutMs: timerMs(),
};

/**
 * Creates a directory in Redis. It renews each claim three times within the TTL. Therefore it restores a claim that Redis
 * lost within a third of the TTL. The directory has one entry per claimed connection.
 * @throws SignalRError `invalid_option`
 * @beta
 */
export function createRedisDirectory(options: RedisDirectoryOptions): RedisDirectory {
  const {
    client,
    keyPrefix = 'signalr:connection:',
    claimTtlMs = 60_000,
    commandTimeoutMs = 2_000,
  } = checkOptions(options, RULES, invalidOption, nearestName);
  /** Claims of this process: url by connection id. */
  const claims = new Map<string, string>();
  const claim = async (connectionId: string, url: string): Promise<boolean> => {
    const command = { keys: [keyPrefix + connectionId], arguments: [url, String(claimTtlMs)] };
    const reply = await within(commandTimeoutMs, client.eval(CLAIM, command));
    return Number(reply) === 1;
  };
  const release = (connectionId: string, url: string): Promise<unknown> =>
    // A failure is ignored: a claim that is not released expires.
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

// Reads streams and their consumer groups, and changes nothing. For programs that watch another system.
import {
  checkOptions,
  nearestName,
  type OptionRules,
  objectOrFunction,
  required,
  secret,
  systemClock,
  text,
} from '@millrace/internal';
import { checkRange, invalid } from '../arguments.js';
import { type EntryId, FIRST_ENTRY_ID } from '../entries/entry-id.js';
import { BrokerError } from '../errors.js';
import { BROKER_RULES, defaultsFor, resolveBrokerOptions, type StreamOptions } from '../options.js';
import type { Entry, RangeOptions } from '../port/entry-log.js';
import { asArray, asNumber, asText } from './calls/replies.js';
import { type Endpoint, type RedisTarget, resolveTarget } from './connection/redis-target.js';
import type { RedisTlsSource } from './connection/redis-tls.js';
import { KEY_PREFIX_RULE } from './key-prefix.js';
import { observedNames, RedisKeys } from './keys.js';
import { readRange } from './read-range.js';
import type { CommandRouter } from './routing/command-router.js';
import { openRouter } from './routing/open-router.js';
import { MasterLocator } from './sentinel/master-locator.js';
import { scanStreams } from './sources/scan-streams.js';
import { asCursors } from './sources/source-streams.js';

/** Options of {@link connectGroupReader}. @beta */
export interface GroupReaderOptions {
  /** Address of Redis; see `RedisBrokerOptions.url`. */
  readonly url: string;
  /** Certificates for TLS; see `RedisBrokerOptions.tls`. */
  readonly tls?: RedisTlsSource | undefined;
  /** The streams that may be read. */
  readonly streams: readonly StreamOptions[];
  /** See `RedisBrokerOptions.keyPrefix`. */
  readonly keyPrefix?: string;
}

/** The ends of a stream. A stream that does not exist has no first ID, and `0-0` as its last one. @beta */
export interface StreamEnds {
  readonly firstId: EntryId | undefined;
  /** The largest ID that the stream ever had. */
  readonly lastId: EntryId;
  /** Number of entries that were ever added. */
  readonly entriesAdded: number;
}

/** The state of a consumer group. @beta */
export interface GroupState {
  /** ID of the last entry that the group has read. */
  readonly lastDeliveredId: EntryId;
  /** Number of entries that the group has read and not acknowledged. */
  readonly pending: number;
}

/** A range of pending entries: after `after` (exclusive), up to `upTo` (inclusive). @beta */
export interface PendingRange {
  readonly after: EntryId;
  readonly upTo: EntryId;
  readonly count: number;
}

/** The server of a stream, as another program needs it to connect. The password is not part of it. @beta */
export interface ServerLocation {
  /** `host:port`, or the path of a Unix socket. For Sentinels, the present master. For a cluster, the first node of the URL. */
  readonly address: string;
  readonly isSocket: boolean;
  readonly isCluster: boolean;
  readonly isTls: boolean;
  readonly database: number;
  /** Empty without a user. */
  readonly username: string;
  readonly hasPassword: boolean;
}

/**
 * Reads streams and groups with XINFO, XPENDING, XRANGE, XREVRANGE, HGETALL and SCAN. Sends no command that changes anything. A stream
 * that the options do not name belongs to another program. Its name is its key.
 * @beta
 */
export interface GroupReader {
  readEnds(stream: string): Promise<StreamEnds>;
  /** Resolves to `undefined` if the stream or the group does not exist. */
  readGroup(stream: string, group: string): Promise<GroupState | undefined>;
  /** Resolves to the IDs of pending entries, the oldest first. Resolves to an empty list if the group does not exist. */
  readPending(stream: string, group: string, range: PendingRange): Promise<readonly EntryId[]>;
  /** See `Broker.readRange`. */
  readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]>;
  /**
   * Finds the streams whose keys begin with `prefix` and that the options do not name. Resolves to at most `max` of them, and to the
   * number of the others.
   */
  findStreams(
    prefix: string,
    max: number,
  ): Promise<{ readonly streams: readonly string[]; readonly ignored: number }>;
  /** Resolves to the IDs up to which the entries of other streams were copied into this one. */
  readCollected(stream: string): Promise<ReadonlyMap<string, EntryId>>;
  /** Resolves to the server. @throws BrokerError if no Sentinel answers */
  location(): Promise<ServerLocation>;
  /** Returns the key of the stream. */
  keyOf(stream: string): string;
  /** Closes the connection. Idempotent. */
  close(): void;
}

/** A search for streams remembers no more than this number. */
const MAX_FOUND = 10_000;
const LOCATE_TIMEOUT_MS = 5_000;

const RULES: OptionRules<GroupReaderOptions> = {
  url: required(secret(text(0))),
  tls: objectOrFunction(),
  streams: BROKER_RULES.streams,
  keyPrefix: KEY_PREFIX_RULE,
};

/** Connects to Redis. @throws BrokerError `unavailable`, `refused` or `invalid_argument` @beta */
export async function connectGroupReader(options: GroupReaderOptions): Promise<GroupReader> {
  const given = checkOptions(options, RULES, invalid, nearestName);
  const { streams } = resolveBrokerOptions({ streams: given.streams });
  const { keyPrefix: prefix } = defaultsFor(streams, given.keyPrefix);
  const target = resolveTarget(given.url, given.tls);
  const router = await openRouter(target, { clientName: 'millrace-shadow', commandTimeoutMs: 5_000 });
  const keys = new RedisKeys({ prefix, observed: observedNames(streams) });
  const names = new Set(streams.map(({ name }) => name));
  return new RedisGroupReader(router, { target, keys, names });
}

class RedisGroupReader implements GroupReader {
  readonly #router: CommandRouter;
  readonly #target: RedisTarget;
  readonly #keys: RedisKeys;
  /** The streams of the options. */
  readonly #names: ReadonlySet<string>;

  constructor(
    router: CommandRouter,
    { target, keys, names }: { target: RedisTarget; keys: RedisKeys; names: ReadonlySet<string> },
  ) {
    this.#router = router;
    this.#target = target;
    this.#keys = keys;
    this.#names = names;
  }

  keyOf(stream: string): string {
    return this.#names.has(stream) ? this.#keys.stream(stream) : stream;
  }

  async findStreams(
    prefix: string,
    max: number,
  ): Promise<{ readonly streams: readonly string[]; readonly ignored: number }> {
    const own = new Set([...this.#names].map((name) => this.#keys.stream(name)));
    const found = new Set<string>();
    const note = (key: string): void => {
      if (!own.has(key) && !this.#keys.isInternal(key) && found.size <= MAX_FOUND) found.add(key);
    };
    await scanStreams(this.#router, {
      prefix,
      clock: systemClock,
      signal: new AbortController().signal,
      note,
    });
    return { streams: [...found].sort().slice(0, max), ignored: Math.max(0, found.size - max) };
  }

  async readCollected(stream: string): Promise<ReadonlyMap<string, EntryId>> {
    const { collected } = this.#keys.ofStream(stream);
    return asCursors(await this.#router.command(collected, ['HGETALL', collected])) ?? new Map();
  }

  async location(): Promise<ServerLocation> {
    const { url } = this.#target;
    const { address, isSocket, tls, database, username, password } = await this.#endpoint(url);
    return {
      address,
      isSocket,
      isCluster: this.#router.isCluster,
      isTls: tls !== undefined,
      database,
      username,
      hasPassword: password !== '',
    };
  }

  async #endpoint({ kind, addresses: [first = ''] }: RedisTarget['url']): Promise<Endpoint> {
    if (kind !== 'sentinels') return this.#target.endpointOf(first);
    const locator = new MasterLocator(this.#target, systemClock);
    try {
      return await locator.locate(LOCATE_TIMEOUT_MS);
    } finally {
      locator.close();
    }
  }

  async readEnds(stream: string): Promise<StreamEnds> {
    const reply = await this.#ask(stream, (key) => ['XINFO', 'STREAM', key]);
    if (reply === undefined) return { firstId: undefined, lastId: FIRST_ENTRY_ID, entriesAdded: 0 };
    const fields = fieldsOf(reply);
    const [firstId] = asArray(fields.get('first-entry') ?? null);
    return {
      firstId: firstId === undefined ? undefined : asText(firstId),
      lastId: asText(fields.get('last-generated-id')),
      entriesAdded: asNumber(fields.get('entries-added')),
    };
  }

  async readGroup(stream: string, group: string): Promise<GroupState | undefined> {
    const groups = asArray((await this.#ask(stream, (key) => ['XINFO', 'GROUPS', key])) ?? null);
    const fields = groups.map(fieldsOf).find((of) => of.get('name') === group);
    if (fields === undefined) return undefined;
    return {
      lastDeliveredId: asText(fields.get('last-delivered-id')),
      pending: asNumber(fields.get('pending')),
    };
  }

  async readPending(
    stream: string,
    group: string,
    { after, upTo, count }: PendingRange,
  ): Promise<readonly EntryId[]> {
    const reply = await this.#ask(stream, (key) => [
      'XPENDING',
      key,
      group,
      `(${after}`,
      upTo,
      String(count),
    ]);
    return asArray(reply ?? null).map((pending) => asText(asArray(pending)[0]));
  }

  async readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]> {
    checkRange(options);
    return readRange(this.#router, this.keyOf(stream), options);
  }

  close(): void {
    this.#router.close();
  }

  /** Returns the reply, or `undefined` if the stream or its group does not exist. */
  async #ask(stream: string, command: (key: string) => readonly string[]): Promise<unknown> {
    const key = this.keyOf(stream);
    try {
      return await this.#router.command(key, command(key));
    } catch (error) {
      if (error instanceof BrokerError && /no such key|NOGROUP/i.test(error.message)) return undefined;
      throw error;
    }
  }
}

/** Converts a reply of alternating names and values to a map. */
function fieldsOf(reply: unknown): ReadonlyMap<unknown, unknown> {
  const items = asArray(reply);
  const fields = new Map<unknown, unknown>();
  for (let at = 0; at + 1 < items.length; at += 2) fields.set(items[at], items[at + 1]);
  return fields;
}

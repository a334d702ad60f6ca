// Finds and reads streams of other programs whose names begin with a prefix, and remembers how far they were read. It never writes
// to them. It has connections of its own, because its reads must not wait for those of the declared streams.
import type { Clock } from '@millrace/internal';
import { type EntryId, FIRST_ENTRY_ID, isEntryId } from '../../entries/entry-id.js';
import type { Broker } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import { asArray, asText } from '../calls/replies.js';
import { holdSourcesCall, releaseSourcesCall, saveCursorsCall } from '../calls/source-calls.js';
import { resolveTarget } from '../connection/redis-target.js';
import type { RedisTlsSource } from '../connection/redis-tls.js';
import { observedNames, RedisKeys } from '../keys.js';
import { readRange } from '../read-range.js';
import type { CommandRouter } from '../routing/command-router.js';
import { openRouter } from '../routing/open-router.js';
import { scanStreams } from './scan-streams.js';
import type { SourceProgress } from './source-progress.js';

/** Options of {@link connectSourceStreams}. @beta */
export interface SourceStreamsOptions {
  /** URL of Redis, in the format of `RedisBrokerOptions.url`. */
  readonly url: string;
  readonly tls?: RedisTlsSource | undefined;
  /**
   * Begins the name of every key and stream of Millrace, as `RedisBrokerOptions.keyPrefix` does. The streams of other programs have
   * no prefix.
   */
  readonly keyPrefix: string;
  /** The broker whose streams are never found. Call after its `open`. */
  readonly broker: Pick<Broker, 'options' | 'partitioning'>;
  readonly clock: Clock;
}

/** Selects the streams of {@link SourceStreams.find}. @beta */
export interface SourceSelection {
  /** The beginning of the streams' names. */
  readonly prefix: string;
  /** Streams that are found again if they still exist. */
  readonly known: ReadonlySet<string>;
  /** Maximum number of streams to return. Known streams come first. */
  readonly max: number;
  readonly signal: AbortSignal;
}

/** The streams that exist. @beta */
export interface FoundSources {
  readonly streams: ReadonlySet<string>;
  /** Number of streams above the maximum. */
  readonly ignored: number;
}

/** Streams of other programs, and the progress of reading them. The progress belongs to the stream `target`. @beta */
export interface SourceStreams {
  /** Searches all keys once, in steps with pauses. On a cluster, searches every master. */
  find(selection: SourceSelection): Promise<FoundSources>;
  /** Divides the streams into groups that can be read together. */
  groups(streams: readonly string[]): readonly (readonly string[])[];
  /** Reads the entries after the cursors of one group, as `Broker.readAfter` does. One read of a group runs at a time. */
  read(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>>;
  /** True if the stream exists. */
  exists(stream: string): Promise<boolean>;
  /** Closes what was opened to read these streams. Called when they no longer exist. */
  leave(streams: readonly string[]): void;
  /** Returns the ID of the newest entry of a stream, or `0-0` for an empty one. */
  lastId(stream: string): Promise<EntryId>;
  /** Takes or renews the right to read for `target`. Resolves to false if another owner has it. */
  hold(target: string, owner: string, leaseMs: number): Promise<boolean>;
  /** True if nobody has the right to read. Cheaper than `hold`. */
  isFree(target: string): Promise<boolean>;
  release(target: string, owner: string): Promise<void>;
  /** Returns the stored cursors, or `undefined` if nobody has ever read for `target`. */
  cursors(target: string): Promise<ReadonlyMap<string, EntryId> | undefined>;
  /** Stores cursors and forgets streams that no longer exist. Resolves to false if another owner has the right to read. */
  save(target: string, owner: string, change: SourceProgress): Promise<boolean>;
  close(): void;
}

const CLIENT_NAME = 'millrace-sources';

/** Connects to Redis. @throws BrokerError `unavailable`, `refused` or `invalid_argument` @beta */
export async function connectSourceStreams({
  url,
  tls,
  keyPrefix,
  broker,
  clock,
}: SourceStreamsOptions): Promise<SourceStreams> {
  const router = await openRouter(resolveTarget(url, tls), { clientName: CLIENT_NAME, clock });
  const keys = new RedisKeys({ prefix: keyPrefix, observed: observedNames(broker.options.streams) });
  const own = new Set(broker.partitioning.streams.map(({ name }) => keys.stream(name)));
  return new RedisSourceStreams(router, {
    keys,
    clock,
    isOwn: (key) => own.has(key) || keys.isInternal(key),
  });
}

class RedisSourceStreams implements SourceStreams {
  readonly #router: CommandRouter;
  readonly #keys: RedisKeys;
  readonly #clock: Clock;
  /** True for a stream of Millrace. */
  readonly #isOwn: (key: string) => boolean;

  constructor(
    router: CommandRouter,
    { keys, clock, isOwn }: { keys: RedisKeys; clock: Clock; isOwn: (key: string) => boolean },
  ) {
    this.#router = router;
    this.#keys = keys;
    this.#clock = clock;
    this.#isOwn = isOwn;
  }

  async find({ prefix, known, max, signal }: SourceSelection): Promise<FoundSources> {
    const found = new Set<string>();
    const others = new Set<string>();
    const ignored = new Set<string>();
    const note = (stream: string): void => {
      if (this.#isOwn(stream)) return;
      if (known.has(stream)) found.add(stream);
      else if (others.size < max) others.add(stream);
      // Counted up to a bound, because the number of streams is not bounded.
      else if (!others.has(stream) && ignored.size < 10_000) ignored.add(stream);
    };
    await scanStreams(this.#router, { prefix, clock: this.#clock, signal, note });
    const fresh = [...others].sort().slice(0, Math.max(0, max - found.size));
    for (const stream of fresh) found.add(stream);
    return { streams: found, ignored: others.size - fresh.length + ignored.size };
  }

  groups(streams: readonly string[]): readonly (readonly string[])[] {
    return this.#router.groups(streams);
  }

  async read(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>> {
    return this.#router.read(cursors, options);
  }

  async exists(stream: string): Promise<boolean> {
    return (await this.#router.command(stream, ['TYPE', stream])) === 'stream';
  }

  leave(streams: readonly string[]): void {
    this.#router.leave(streams);
  }

  async lastId(stream: string): Promise<EntryId> {
    const range = { count: 1, direction: 'backward' } as const;
    const [newest] = await readRange(this.#router, stream, range);
    return newest?.id ?? FIRST_ENTRY_ID;
  }

  hold(target: string, owner: string, leaseMs: number): Promise<boolean> {
    return this.#router.run(holdSourcesCall(this.#keys.ofStream(target), owner, leaseMs));
  }

  async isFree(target: string): Promise<boolean> {
    const { collector } = this.#keys.ofStream(target);
    return (await this.#router.command(collector, ['EXISTS', collector])) === 0;
  }

  release(target: string, owner: string): Promise<void> {
    return this.#router.run(releaseSourcesCall(this.#keys.ofStream(target), owner));
  }

  async cursors(target: string): Promise<ReadonlyMap<string, EntryId> | undefined> {
    const { collected } = this.#keys.ofStream(target);
    return asCursors(await this.#router.command(collected, ['HGETALL', collected]));
  }

  save(target: string, owner: string, change: SourceProgress): Promise<boolean> {
    return this.#router.run(saveCursorsCall(this.#keys.ofStream(target), owner, change));
  }

  close(): void {
    this.#router.close();
  }
}

/** Reads the stored cursors, or `undefined` if there are none. */
export function asCursors(reply: unknown): ReadonlyMap<string, EntryId> | undefined {
  const flat = asArray(reply).map(asText);
  if (flat.length === 0) return undefined;
  const cursors = new Map<string, EntryId>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [stream = '', cursor = ''] = [flat[at], flat[at + 1]];
    if (isEntryId(cursor)) cursors.set(stream, cursor);
  }
  return cursors;
}

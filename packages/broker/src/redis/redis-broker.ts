// The broker on Redis Streams: composes connections and scripts into the port. What each script
// guarantees stands in its own file.
import { checkNames } from '../announcements.js';
import {
  checkCount,
  checkEntryId,
  checkEntryIds,
  checkName,
  checkOutgoingEntries,
  checkRange,
  checkRead,
  checkStream,
  invalid,
} from '../arguments.js';
import { toDeadLetter } from '../entries/dead-letter.js';
import { LAST_ENTRY_ID } from '../entries/entry-id.js';
import { BrokerError } from '../errors.js';
import type { ResolvedBrokerOptions } from '../options.js';
import type { Partitioning } from '../partitions/partitioning.js';
import type {
  Broker,
  BrokerState,
  DeadLetter,
  Entry,
  EntryId,
  HeartbeatReply,
  Lease,
  LedgerPass,
  LedgerPassResult,
  OutgoingEntry,
  PublishReceipt,
  RangeOptions,
  ReadOptions,
  ReadProgress,
  RequeueResult,
  SlotClaim,
  SlotWish,
  StreamInspection,
  StreamStart,
  TrimResult,
} from '../port/broker.js';
import { StateNotifier } from '../state-notifier.js';
import { acceptedOf } from './calls/accepted.js';
import { asArray, asEntries, asNumber, asText } from './calls/replies.js';
import {
  acquireLeaseCall,
  announceCall,
  announcedCall,
  claimSlotCall,
  deadLetterCall,
  heartbeatCall,
  inspectCall,
  ledgerPassCall,
  publishCall,
  registerCall,
  releaseLeaseCall,
  releaseSlotCall,
  requeueDeadLetterCall,
  type ScriptCall,
  type StreamBounds,
  trimCall,
} from './calls/script-calls.js';
import type { Served } from './calls/script-replies.js';
import { ClusterRouter } from './cluster/cluster-router.js';
import type { Settlement } from './connection/blocking-reader.js';
import { parseRedisUrl } from './connection/redis-url.js';
import { explainRedisFailure } from './explain/explain-failure.js';
import { layoutKey, slotsKey, streamKeys, typesKey } from './keys.js';
import { checkLayout } from './layout.js';
import { RedisCounters } from './redis-counters.js';
import {
  type RedisBrokerOptions,
  type ResolvedRedisOptions,
  resolveRedisBrokerOptions,
} from './redis-options.js';
import type { RedisRouter, RouterOptions } from './routing/command-router.js';
import { openRouter } from './routing/open-router.js';
import { SingleRouter } from './routing/single-router.js';
import { StoredPartitions } from './stored-partitions.js';
import { RedisWindows } from './windows/redis-windows.js';
import type { StoredEnding } from './windows/remote-endings.js';

/** What belongs to one stream. */
interface StreamPart extends StreamBounds {
  settlement: Settlement | undefined;
}

/**
 * A broker on Redis 7.0 or newer (or a Valkey of that age). Nothing is connected before `open`.
 * @throws BrokerError `invalid_argument` when an option is wrong
 *
 * @example
 * ```ts
 * const streams = [{ name: 'events:orders', maxLength: 10_000 }];
 * const broker = createRedisBroker({ url: 'redis://localhost:6379', streams });
 * await broker.open();
 * await broker.append('events:orders', [{ fields: { payload: '{}' }, dedupeId: 'order-7' }]);
 * await broker.close();
 * ```
 */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  return new RedisBroker(resolveRedisBrokerOptions(options));
}

class RedisBroker implements Broker {
  readonly kind = 'redis';
  readonly options: ResolvedBrokerOptions;
  readonly windows: RedisWindows;
  readonly counters: RedisCounters;
  readonly #redis: ResolvedRedisOptions['redis'];
  readonly #notifier = new StateNotifier();
  /** Of every real stream there ever was; a partition that another number left out keeps its part until `close`. */
  readonly #parts = new Map<string, StreamPart>();
  #router: RedisRouter;
  readonly #partitions: StoredPartitions;
  #opening: Promise<void> | undefined;
  /** Appends that are under way, and who waits until there are none. */
  #appending = 0;
  #onAppended: (() => void) | undefined;
  /** Set by `close`: what was accepted is finished, nothing new is. */
  #isClosing = false;

  constructor({ broker, redis }: ResolvedRedisOptions) {
    this.options = broker;
    this.#redis = redis;
    this.#partitions = new StoredPartitions(broker.streams, {
      clock: redis.clock,
      run: (call) => this.#run(call),
      onChange: () => {
        this.#addParts();
        this.#router.need(this.#neededKeys());
      },
    });
    this.#addParts();
    this.#router = this.#newRouter(redis.url);
    this.counters = new RedisCounters({
      run: (call) => this.#run(call),
      command: (key, command) => this.#router.command(key, command),
    });
    this.windows = new RedisWindows({
      run: (call) => (this.#isClosing ? Promise.reject(closed()) : this.#run(call)),
      command: (key, args) => (this.#isClosing ? Promise.reject(closed()) : this.#router.command(key, args)),
      isCluster: () => this.#router instanceof ClusterRouter,
      clock: redis.clock,
      onHealed: redis.onHealed,
    });
  }

  get partitioning(): Partitioning {
    return this.#partitions.partitioning;
  }

  get readGroups(): readonly (readonly string[])[] {
    return this.#router.groups(this.partitioning.streams.map(({ name }) => name));
  }

  get state(): BrokerState {
    return this.#notifier.state;
  }

  onStateChange(listener: (state: BrokerState, cause?: Error) => void): () => void {
    return this.#notifier.listen(listener);
  }

  async open(): Promise<void> {
    if (this.#isClosing) throw closed();
    if (this.#isOpen()) return;
    this.#opening ??= this.#openOnce().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#router.closeReaders();
    if (this.#appending > 0) await new Promise<void>((resolve) => (this.#onAppended = resolve));
    this.#router.close();
    this.#notifier.change('closed');
  }

  async append(
    stream: string,
    entries: readonly OutgoingEntry[],
  ): Promise<readonly (PublishReceipt | BrokerError)[]> {
    const part = this.#part(stream);
    checkOutgoingEntries(entries);
    if (this.#isClosing) throw closed();
    this.#partitions.check(stream);
    this.#partitions.lookIfDue();
    const isApart = this.#router instanceof ClusterRouter;
    this.#appending += 1;
    try {
      const receipts = await this.#run(publishCall(part, this.options, entries, isApart));
      if (isApart) this.windows.apartEndings.send(endingsOf(entries, receipts));
      return receipts;
    } finally {
      this.#appending -= 1;
      if (this.#appending === 0) this.#onAppended?.();
    }
  }

  async register(subscriber: string, streams?: readonly string[]): Promise<readonly StreamStart[]> {
    checkSubscriber(subscriber);
    await this.#partitions.settle({ isClaiming: true });
    this.#partitions.fix();
    const names = streams ?? this.partitioning.streams.map(({ name }) => name);
    return acceptedOf(
      names.map(async (name) => {
        const part = this.#part(name);
        this.#partitions.check(name);
        return this.#settle(part, registerCall(part.keys, this.options, subscriber));
      }),
    );
  }

  async unregister(subscriber: string): Promise<void> {
    checkSubscriber(subscriber);
    const removals = this.partitioning.streams.map(({ name }) => {
      const { cursors } = this.#part(name).keys;
      return this.#router.command(cursors, ['HDEL', cursors, subscriber]);
    });
    await acceptedOf(removals);
  }

  async heartbeat(
    subscriber: string,
    progress: ReadonlyMap<string, ReadProgress>,
  ): Promise<readonly HeartbeatReply[]> {
    checkSubscriber(subscriber);
    const calls = Array.from(progress, ([stream, ofStream]) => {
      checkEntryId(ofStream.cursor);
      const part = this.#part(stream);
      return [part, heartbeatCall(part.keys, this.options, subscriber, ofStream)] as const;
    });
    const replies = await Promise.all(calls.map(([part, call]) => this.#settle(part, call)));
    // With the streams the number of partitions may have been lost, and another gateway must not choose another one.
    if (replies.some(({ status }) => status === 'reset')) await this.#partitions.settle({ isClaiming: true });
    return replies;
  }

  async readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>> {
    checkRead(this.partitioning, cursors, options);
    return cursors.size === 0 ? new Map() : this.#router.read(cursors, options);
  }

  async readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]> {
    checkStream(this.partitioning, stream);
    return this.#readPiece(stream, options);
  }

  async claimSlot(owner: string, wish: SlotWish = {}): Promise<SlotClaim> {
    checkSubscriber(owner);
    if (wish.instance !== undefined) checkName('instance', wish.instance);
    return this.#run(claimSlotCall(this.options, owner, wish));
  }

  async releaseSlot(owner: string): Promise<void> {
    return this.#run(releaseSlotCall(this.options, owner));
  }

  async acquireLease(stream: string, owner: string): Promise<Lease | undefined> {
    checkSubscriber(owner);
    return this.#run(acquireLeaseCall(this.#part(stream).keys, this.options, owner));
  }

  async releaseLease(lease: Lease): Promise<void> {
    return this.#run(releaseLeaseCall(this.#part(lease.stream).keys, lease));
  }

  async runLedgerPass(lease: Lease, pass: LedgerPass): Promise<LedgerPassResult> {
    checkCount(pass.count);
    checkName('consumer', pass.consumer);
    if (pass.cursor !== undefined) checkEntryId(pass.cursor);
    return this.#run(ledgerPassCall(this.#part(lease.stream).keys, this.options, lease, pass));
  }

  async trim(lease: Lease): Promise<TrimResult> {
    return this.#run(trimCall(this.#part(lease.stream), this.options, lease));
  }

  async deadLetter(letter: Parameters<Broker['deadLetter']>[0]): Promise<boolean> {
    checkEntryId(letter.entry.id);
    return this.#run(deadLetterCall(this.#part(letter.stream).keys, this.options, letter));
  }

  async findRejected(stream: string, ids: readonly EntryId[]): Promise<ReadonlySet<EntryId>> {
    checkEntryIds(ids);
    const { keys } = this.#part(stream);
    const marks = asArray(
      await this.#router.command(keys.dead, ['MGET', ...ids.map((id) => keys.deadMark(id))]),
    );
    return new Set(ids.filter((_, index) => typeof marks[index] === 'string'));
  }

  async listDeadLetters(stream: string, options: RangeOptions): Promise<readonly DeadLetter[]> {
    return (await this.#readPiece(this.#part(stream).keys.dead, options)).map(toDeadLetter);
  }

  async readDeadLetter(stream: string, id: EntryId): Promise<DeadLetter | undefined> {
    checkEntryId(id);
    const { dead } = this.#part(stream).keys;
    const [entry] = asEntries(await this.#router.command(dead, ['XRANGE', dead, id, id]));
    return entry === undefined ? undefined : toDeadLetter(entry);
  }

  async requeueDeadLetter(stream: string, id: EntryId): Promise<RequeueResult> {
    const letter = await this.readDeadLetter(stream, id);
    if (letter === undefined) return { status: 'not_found' };
    if (!letter.isRequeueable) return { status: 'not_requeueable' };
    const newId = await this.#run(requeueDeadLetterCall(this.#part(stream).keys, letter));
    return newId === undefined ? { status: 'not_found' } : { status: 'requeued', id: newId };
  }

  async dropDeadLetters(stream: string, ids: readonly EntryId[]): Promise<number> {
    checkEntryIds(ids);
    const { dead } = this.#part(stream).keys;
    return asNumber(await this.#router.command(dead, ['XDEL', dead, ...ids]));
  }

  async inspect(stream: string): Promise<StreamInspection> {
    return this.#run(inspectCall(this.#part(stream).keys, this.options));
  }

  async announce(subscriber: string, names: readonly string[]): Promise<void> {
    checkSubscriber(subscriber);
    checkNames(names);
    return this.#run(announceCall(this.options, subscriber, names));
  }

  async announced(): Promise<ReadonlySet<string>> {
    return this.#run(announcedCall(this.options));
  }

  async evictionPolicy(): Promise<string | undefined> {
    try {
      const about = await Promise.all(
        this.readGroups.map(([stream = '']) => this.#router.command(stream, ['INFO', 'memory'])),
      );
      const policies = about.map((text) => /^maxmemory_policy:(\S+)/m.exec(asText(text))?.[1]);
      // The first node of a cluster that evicts speaks for all.
      return policies.find((policy) => policy !== undefined && policy !== 'noeviction') ?? policies[0];
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'refused') return undefined;
      throw error;
    }
  }

  async #readPiece(key: string, options: RangeOptions): Promise<Entry[]> {
    checkRange(options);
    // Redis refuses an interval that begins after the largest ID.
    if (options.after === LAST_ENTRY_ID) return [];
    const from = options.after === undefined ? '-' : `(${options.after}`;
    const to = options.upTo ?? '+';
    const command =
      options.direction === 'backward' ? ['XREVRANGE', key, to, from] : ['XRANGE', key, from, to];
    return asEntries(await this.#router.command(key, [...command, 'COUNT', String(options.count)]));
  }

  /** Runs a call that judges what is known of a stream, and notes on which server that was. */
  async #settle<T>(part: StreamPart, call: ScriptCall<Served<T>>): Promise<T> {
    const { value, runId } = await this.#run(call);
    part.settlement = { runId, atMs: this.#redis.clock.monotonicMs() };
    return value;
  }

  // ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #openOnce(): Promise<void> {
    this.#notifier.change('connecting');
    try {
      // In its place before it opens: its changes of state are told.
      await openRouter(this.#router, () => (this.#router = this.#newClusterRouter()));
      await this.#checkLayout();
      await this.#partitions.settle({ isClaiming: false });
    } catch (error) {
      const explained = await explainRedisFailure(error, this.#redis.url);
      const failure = this.#isClosing ? closed() : explained;
      this.#router.close();
      this.#router = this.#newRouter(this.#redis.url);
      this.#notifier.change('idle', failure);
      throw failure;
    }
    this.#notifier.change(this.#router.state);
  }

  /** @throws BrokerError `layout_differs`, before anything was read or written */
  async #checkLayout(): Promise<void> {
    const key = layoutKey(this.options.group);
    checkLayout(key, await this.#router.command(key, ['GET', key]));
  }

  /** One address is taken for one server until it says that it is a node of a cluster. Several are a cluster's. */
  #newRouter(url: string): RedisRouter {
    if (parseRedisUrl(url).urls.length > 1) return this.#newClusterRouter();
    const router: RedisRouter = new SingleRouter(
      url,
      this.#routerOptions((from) => from === router),
    );
    return router;
  }

  #newClusterRouter(): RedisRouter {
    const url = parseRedisUrl(this.#redis.url);
    const router: RedisRouter = new ClusterRouter(
      url,
      this.#routerOptions((from) => from === router),
    );
    router.need(this.#neededKeys());
    return router;
  }

  /** A router that was replaced has nothing to say any more. */
  #routerOptions(isItself: (router: RedisRouter) => boolean): RouterOptions {
    return {
      clientName: this.#redis.clientName,
      connectTimeoutMs: this.options.connectTimeoutMs,
      commandTimeoutMs: this.options.commandTimeoutMs,
      clock: this.#redis.clock,
      settlementOf: (stream) => this.#parts.get(stream)?.settlement,
      onStateChange: (state, cause) => {
        if (this.#isOpen() && isItself(this.#router)) this.#notifier.change(state, cause);
      },
    };
  }

  #isOpen(): boolean {
    return this.state === 'ready' || this.state === 'unavailable';
  }

  // ── Streams ───────────────────────────────────────────────────────────────────────────────────────────────────

  #addParts(): void {
    for (const { name, maxLength } of this.partitioning.streams) {
      if (!this.#parts.has(name)) this.#parts.set(name, this.#newPart(name, maxLength));
    }
  }

  #neededKeys(): string[] {
    return [
      ...this.partitioning.streams.map(({ name }) => name),
      slotsKey(this.options.group),
      typesKey(this.options.group),
    ];
  }

  #newPart(stream: string, maxLength: number): StreamPart {
    const hardCap = maxLength * this.options.hardCapFactor;
    return { keys: streamKeys(stream), maxLength, hardCap, settlement: undefined };
  }

  #run<T>(call: ScriptCall<T>): Promise<T> {
    return this.#router.run(call);
  }

  #part(stream: string): StreamPart {
    const part = this.#parts.get(stream);
    if (part === undefined) throw invalid(`unknown stream ${JSON.stringify(stream)}`);
    return part;
  }
}

/** Endings of the entries that were appended. */
function endingsOf(
  entries: readonly OutgoingEntry[],
  receipts: readonly (PublishReceipt | BrokerError)[],
): StoredEnding[] {
  return entries.flatMap(({ ends }, at) => {
    const receipt = receipts[at];
    const isStored = receipt !== undefined && !(receipt instanceof BrokerError) && !receipt.isDuplicate;
    return ends !== undefined && isStored ? [{ ending: ends, id: receipt.id }] : [];
  });
}

function checkSubscriber(subscriber: string): void {
  checkName('subscriber', subscriber);
}

function closed(): BrokerError {
  return new BrokerError('closed', 'The broker is closed');
}

// The broker on Redis Streams: implements the port `Broker` with connections and Lua scripts. Each script's own file states
// its guarantees.
import { checkNames } from '../announcements.js';
import {
  checkCount,
  checkEntryId,
  checkName,
  checkOutgoingEntries,
  checkRange,
  checkRead,
  checkStream,
} from '../arguments.js';
import type { EntryId } from '../entries/entry-id.js';
import { type BrokerError, brokerClosed } from '../errors.js';
import type { ResolvedBrokerOptions } from '../options.js';
import type { Partitioning } from '../partitions/partitioning.js';
import type {
  Lease,
  LedgerPass,
  LedgerPassResult,
  SlotClaim,
  SlotRequest,
  StreamInspection,
  TrimResult,
} from '../port/acknowledgement-ledger.js';
import type { Broker, BrokerState, StoreSettings } from '../port/broker.js';
import type { DeadLetter, RejectedEntry, RequeueResult } from '../port/dead-letter-store.js';
import type { Entry, OutgoingEntry, PublishReceipt, RangeOptions, ReadOptions } from '../port/entry-log.js';
import type { HeartbeatReply, ReadProgress, StreamStart } from '../port/subscriber-registry.js';
import { StateNotifier } from '../state-notifier.js';
import { acceptedOf } from './calls/accepted.js';
import { runRepaired } from './calls/run-repaired.js';
import {
  acquireLeaseCall,
  announceCall,
  announcedCall,
  claimSlotCall,
  heartbeatCall,
  inspectCall,
  ledgerPassCall,
  observeCall,
  publishCall,
  registerCall,
  releaseLeaseCall,
  releaseSlotCall,
  type ScriptCall,
  trimCall,
} from './calls/script-calls.js';
import type { Served } from './calls/script-replies.js';
import { explainFailure } from './explain/explain-failure.js';
import { keysOf, observedNames, type RedisKeys } from './keys.js';
import { checkLayout } from './layout.js';
import { ObservedMarks } from './observed-streams.js';
import { RedisPresence } from './presence/redis-presence.js';
import { readRange } from './read-range.js';
import { RedisCounters } from './redis-counters.js';
import { RedisDeadLetters } from './redis-dead-letters.js';
import { RedisErasures } from './redis-erasures.js';
import {
  type RedisBrokerOptions,
  type ResolvedRedisOptions,
  resolveRedisBrokerOptions,
} from './redis-options.js';
import { RedisRevocations } from './redis-revocations.js';
import type { CommandRouter } from './routing/command-router.js';
import { DetectingRouter } from './routing/detecting-router.js';
import { readStoreSettings } from './store-settings.js';
import { StoredPartitions } from './stored-partitions.js';
import { type StreamRecord, StreamRecords } from './stream-records.js';
import { RedisWindows } from './windows/redis-windows.js';
import { endingsOf } from './windows/remote-endings.js';

/**
 * Creates a broker on Redis 7.0 or newer, or on Valkey. The broker does not connect before `open`.
 * @throws BrokerError `invalid_argument` when an option is wrong
 *
 * @example
 * ```ts
 * const broker = createRedisBroker({ url, streams: [{ name: 'events:orders', maxLength: 10_000 }] });
 * await broker.open();
 * await broker.append('events:orders', [{ fields: { payload: '{}' }, dedupeId: 'order-7' }]);
 * await broker.close();
 * ```
 * @beta
 */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  return new RedisBroker(resolveRedisBrokerOptions(options));
}

class RedisBroker implements Broker {
  readonly kind = 'redis';
  readonly options: ResolvedBrokerOptions;
  readonly windows: RedisWindows;
  readonly counters: RedisCounters;
  readonly erasures: RedisErasures;
  readonly presence: RedisPresence;
  readonly revocations: RedisRevocations;
  readonly #redis: ResolvedRedisOptions['redis'];
  readonly #keys: RedisKeys;
  readonly #deadLetters: RedisDeadLetters;
  readonly #notifier = new StateNotifier();
  readonly #records: StreamRecords;
  readonly #marks: ObservedMarks;
  #router: CommandRouter;
  readonly #partitions: StoredPartitions;
  #opening: Promise<void> | undefined;
  /** Number of appends in progress. `close` waits until it is 0. */
  #appending = 0;
  #onAppended: (() => void) | undefined;
  readonly #run = <T>(call: ScriptCall<T>): Promise<T> => this.#router.run(call);
  /** For scripts that repair keys. */
  readonly #runRepaired = <T>(call: ScriptCall<T>) => runRepaired(this.#run, call, this.#redis.onHealed);
  /** True after `close` was called. Appends in progress are then finished, and new ones refused. */
  #isClosing = false;

  constructor({ broker, redis }: ResolvedRedisOptions) {
    this.options = broker;
    this.#redis = redis;
    const keys = keysOf(broker, redis.keyPrefix);
    this.#keys = keys;
    this.#records = new StreamRecords(keys, broker.hardCapFactor);
    const run = this.#run;
    const command = (key: string, args: readonly string[]): Promise<unknown> =>
      this.#router.command(key, args);
    this.#partitions = new StoredPartitions(broker.streams, {
      keys,
      clock: redis.clock,
      run,
      onChange: () => {
        this.#records.add(this.partitioning.streams);
        this.#router.need(this.#neededKeys());
      },
    });
    this.#records.add(this.partitioning.streams);
    this.#marks = new ObservedMarks(observedNames(broker.streams), { keys, clock: redis.clock, run });
    this.#router = this.#newRouter();
    this.counters = new RedisCounters({ keys, run, command });
    this.erasures = new RedisErasures({ options: broker, records: this.#records, run });
    this.presence = new RedisPresence({ keys, run: this.#runRepaired, command });
    this.revocations = new RedisRevocations({
      records: this.#records,
      checkWritable: (stream) => {
        if (this.#isClosing) throw brokerClosed();
        this.#partitions.check(stream);
      },
      run: this.#runRepaired,
    });
    this.#deadLetters = new RedisDeadLetters({ options: broker, records: this.#records, run, command });
    this.windows = new RedisWindows({
      keys,
      run: (call) => (this.#isClosing ? Promise.reject(brokerClosed()) : run(call)),
      command: (key, args) => (this.#isClosing ? Promise.reject(brokerClosed()) : command(key, args)),
      isCluster: () => this.#router.isCluster,
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
    if (this.#isClosing) throw brokerClosed();
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
    const record = this.#records.of(stream);
    checkOutgoingEntries(entries);
    if (this.#isClosing) throw brokerClosed();
    this.#partitions.check(stream);
    this.#partitions.lookIfDue();
    this.#marks.renewIfDue();
    const { isCluster } = this.#router;
    this.#appending += 1;
    try {
      const receipts = await this.#run(publishCall(record, this.options, entries, isCluster));
      if (isCluster) this.windows.remoteEndings.send(endingsOf(entries, receipts));
      return receipts;
    } finally {
      this.#appending -= 1;
      if (this.#appending === 0) this.#onAppended?.();
    }
  }

  async register(subscriber: string, streams?: readonly string[]): Promise<readonly StreamStart[]> {
    checkName('subscriber', subscriber);
    await this.#partitions.settle({ isClaiming: true });
    this.#partitions.fix();
    const names = streams ?? this.partitioning.streams.map(({ name }) => name);
    return acceptedOf(
      names.map(async (name) => {
        const record = this.#records.of(name);
        this.#partitions.check(name);
        await this.revocations.carryOver(name);
        return this.#settle(record, registerCall(record.keys, this.options, subscriber));
      }),
    );
  }

  async unregister(subscriber: string): Promise<void> {
    checkName('subscriber', subscriber);
    const removals = this.partitioning.streams.map(({ name }) => {
      const { cursors } = this.#records.of(name).keys;
      return this.#router.command(cursors, ['HDEL', cursors, subscriber]);
    });
    await acceptedOf(removals);
  }

  async heartbeat(
    subscriber: string,
    progress: ReadonlyMap<string, ReadProgress>,
  ): Promise<readonly HeartbeatReply[]> {
    checkName('subscriber', subscriber);
    this.#partitions.keep();
    const calls = Array.from(progress, ([stream, ofStream]) => {
      checkEntryId(ofStream.cursor);
      const record = this.#records.of(stream);
      return [record, heartbeatCall(record.keys, this.options, subscriber, ofStream)] as const;
    });
    const replies = await Promise.all(calls.map(([record, call]) => this.#settle(record, call)));
    // The number of partitions may be lost with the stream. It is stored again, so that no gateway chooses another number.
    if (replies.some(({ status }) => status === 'reset')) await this.#partitions.settle({ isClaiming: true });
    return replies;
  }

  async readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>> {
    checkRead(this.partitioning, cursors, options);
    if (cursors.size === 0) return new Map();
    return this.#keys.byName(await this.#router.read(this.#keys.byKey(cursors), options));
  }

  async readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]> {
    checkStream(this.partitioning, stream);
    checkRange(options);
    return readRange(this.#router, this.#keys.stream(stream), options);
  }

  async claimSlot(owner: string, request: SlotRequest = {}): Promise<SlotClaim> {
    checkName('subscriber', owner);
    if (request.instance !== undefined) checkName('instance', request.instance);
    return this.#runRepaired(claimSlotCall(this.#keys, this.options, owner, request));
  }

  async releaseSlot(owner: string): Promise<void> {
    return this.#runRepaired(releaseSlotCall(this.#keys, owner));
  }

  async acquireLease(stream: string, owner: string): Promise<Lease | undefined> {
    checkName('subscriber', owner);
    return this.#run(acquireLeaseCall(this.#records.of(stream).keys, this.options, owner));
  }

  async releaseLease(lease: Lease): Promise<void> {
    return this.#run(releaseLeaseCall(this.#records.of(lease.stream).keys, lease));
  }

  async runLedgerPass(lease: Lease, pass: LedgerPass): Promise<LedgerPassResult> {
    checkCount(pass.count);
    checkName('consumer', pass.consumer);
    if (pass.cursor !== undefined) checkEntryId(pass.cursor);
    return this.#run(ledgerPassCall(this.#records.of(lease.stream).keys, this.options, lease, pass));
  }

  async trim(lease: Lease): Promise<TrimResult> {
    const record = this.#records.of(lease.stream);
    if (!record.keys.isObserved) return this.#run(trimCall(record, this.options, lease));
    await this.#run(observeCall(record.keys, true));
    return { status: 'trimmed', removed: 0, expired: 0 };
  }

  async deadLetter(rejected: RejectedEntry): Promise<boolean> {
    return this.#deadLetters.deadLetter(rejected);
  }

  async findRejected(stream: string, ids: readonly EntryId[]): Promise<ReadonlySet<EntryId>> {
    return this.#deadLetters.findRejected(stream, ids);
  }

  async listDeadLetters(stream: string, options: RangeOptions): Promise<readonly DeadLetter[]> {
    return this.#deadLetters.listDeadLetters(stream, options);
  }

  async readDeadLetter(stream: string, id: EntryId): Promise<DeadLetter | undefined> {
    return this.#deadLetters.readDeadLetter(stream, id);
  }

  async requeueDeadLetter(stream: string, id: EntryId): Promise<RequeueResult> {
    return this.#deadLetters.requeueDeadLetter(stream, id);
  }

  async dropDeadLetters(stream: string, ids: readonly EntryId[]): Promise<number> {
    return this.#deadLetters.dropDeadLetters(stream, ids);
  }

  async inspect(stream: string): Promise<StreamInspection> {
    return this.#run(inspectCall(this.#records.of(stream).keys));
  }

  async announce(subscriber: string, names: readonly string[]): Promise<void> {
    checkName('subscriber', subscriber);
    checkNames(names);
    return this.#runRepaired(announceCall(this.#keys, subscriber, names));
  }

  async announced(): Promise<ReadonlySet<string>> {
    return this.#runRepaired(announcedCall(this.#keys));
  }

  async storeSettings(): Promise<StoreSettings> {
    return readStoreSettings(
      this.#router,
      this.readGroups.map(([stream = '']) => this.#keys.stream(stream)),
    );
  }

  /** Runs a script that checks the epoch of a stream, and records which run of a server answered. */
  async #settle<T>(record: StreamRecord, call: ScriptCall<Served<T>>): Promise<T> {
    const { value, runId } = await this.#run(call);
    record.settlement = { runId, atMs: this.#redis.clock.monotonicMs() };
    return value;
  }

  // ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #openOnce(): Promise<void> {
    this.#notifier.change('connecting');
    try {
      await this.#router.open();
      const key = this.#keys.layout;
      await checkLayout(key, () => this.#router.command(key, ['GET', key]));
      await this.#partitions.settle({ isClaiming: false });
      await this.#marks.mark();
    } catch (error) {
      const explained = await explainFailure(error, this.#redis.target.url);
      const failure = this.#isClosing ? brokerClosed() : explained;
      this.#router.close();
      this.#router = this.#newRouter();
      this.#notifier.change('idle', failure);
      throw failure;
    }
    this.#notifier.change(this.#router.state);
  }

  #newRouter(): CommandRouter {
    const router = new DetectingRouter(this.#redis.target, {
      clientName: this.#redis.clientName,
      connectTimeoutMs: this.options.connectTimeoutMs,
      commandTimeoutMs: this.options.commandTimeoutMs,
      clock: this.#redis.clock,
      settlementOf: (key) => this.#records.settlementOf(key),
      onStateChange: (state, cause) => {
        if (this.#isOpen()) this.#notifier.change(state, cause);
      },
    });
    router.need(this.#neededKeys());
    return router;
  }

  #isOpen(): boolean {
    return this.state === 'ready' || this.state === 'unavailable';
  }

  #neededKeys(): string[] {
    const { slots, types } = this.#keys;
    return [...this.partitioning.streams.map(({ name }) => this.#keys.stream(name)), slots, types];
  }
}

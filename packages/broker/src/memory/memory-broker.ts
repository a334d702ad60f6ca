// The broker inside one process. It gives the same guarantees as the broker on Redis, but its data ends with the process.
import { type Clock, checkOptions, nearestName, type OptionRules, systemClock } from '@millrace/internal';
import { ANNOUNCEMENT_LIMITS, checkNames } from '../announcements.js';
import {
  CLOCK_RULE,
  checkCount,
  checkEntryId,
  checkEntryIds,
  checkErasure,
  checkName,
  checkOutgoingEntries,
  checkRange,
  checkRead,
  checkStream,
  invalid,
  unknownStream,
} from '../arguments.js';
import type { EntryId } from '../entries/entry-id.js';
import { BrokerError, brokerClosed } from '../errors.js';
import {
  BROKER_RULES,
  type BrokerOptions,
  type ResolvedBrokerOptions,
  resolveBrokerOptions,
} from '../options.js';
import { type Partitioning, partitioningOf } from '../partitions/partitioning.js';
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
import type { ErasureStore } from '../port/erasure-store.js';
import type { HeartbeatReply, ReadProgress, StreamStart } from '../port/subscriber-registry.js';
import { StateNotifier } from '../state-notifier.js';
import { SlotBook } from './lease-book.js';
import { MemoryCounters } from './memory-counters.js';
import { MemoryPresence } from './memory-presence.js';
import { MemoryRevocations } from './memory-revocations.js';
import { MemoryStream } from './memory-stream.js';
import { MemoryWindows } from './memory-windows.js';
import { ReadWaiters } from './read-waiters.js';

/** Options of `createMemoryBroker`. @beta */
export interface MemoryBrokerOptions extends BrokerOptions {
  /** Clock for the times in entry IDs and for everything that expires. @defaultValue systemClock */
  readonly clock?: Clock;
}

const RULES: OptionRules<MemoryBrokerOptions> = { ...BROKER_RULES, clock: CLOCK_RULE };

/**
 * Creates a broker for one process. The hard cap limits the length of its streams. The number of blocking reads is not
 * limited.
 * @throws BrokerError `invalid_argument` when an option is wrong
 *
 * @example
 * ```ts
 * const broker = createMemoryBroker({ streams: [{ name: 'events:orders', maxLength: 10_000 }] });
 * await broker.open();
 * await broker.append('events:orders', [{ fields: { payload: '{}' } }]);
 * console.log(await broker.readRange('events:orders', { count: 10 }));
 * ```
 * @beta
 */
export function createMemoryBroker(options: MemoryBrokerOptions): Broker {
  const { clock = systemClock, ...rest } = checkOptions(options, RULES, invalid, nearestName);
  return new MemoryBroker(resolveBrokerOptions(rest), clock);
}

class MemoryBroker implements Broker {
  readonly kind = 'memory';
  readonly options: ResolvedBrokerOptions;
  readonly partitioning: Partitioning;
  readonly readGroups: readonly (readonly string[])[];
  readonly windows: MemoryWindows;
  readonly counters: MemoryCounters;
  readonly erasures: ErasureStore = {
    erase: async (stream, erasure) => {
      checkErasure(erasure);
      const control = this.#stream(stream).erase(erasure, this.#wallMs());
      if (control !== undefined) this.#waiters.wake(stream);
      return control;
    },
    remove: async (stream) => this.#stream(stream).removeErased(this.#wallMs()),
  };
  readonly presence: MemoryPresence;
  readonly revocations: MemoryRevocations;
  readonly #clock: Clock;
  readonly #notifier = new StateNotifier();
  readonly #streams: ReadonlyMap<string, MemoryStream>;
  readonly #slots = new SlotBook();
  /** Announced names by subscriber. `ANNOUNCEMENT_LIMITS` bounds the number of entries. */
  readonly #announced = new Map<string, { readonly names: readonly string[]; readonly endsMs: number }>();
  readonly #waiters: ReadWaiters;

  constructor(options: ResolvedBrokerOptions, clock: Clock) {
    this.options = options;
    this.#clock = clock;
    this.partitioning = partitioningOf(options.streams);
    this.readGroups = [this.partitioning.streams.map(({ name }) => name)];
    this.#streams = new Map(
      this.partitioning.streams.map((stream) => [stream.name, new MemoryStream(stream, options)]),
    );
    this.#waiters = new ReadWaiters(clock);
    this.windows = new MemoryWindows(clock, {
      checkReady: () => this.#checkReady(),
      nextId: (stream) => this.#stream(stream).nextId(this.#wallMs()),
    });
    this.counters = new MemoryCounters(
      () => clock.monotonicMs(),
      () => this.#checkReady(),
    );
    this.presence = new MemoryPresence(
      () => this.#wallMs(),
      () => this.#checkReady(),
    );
    this.revocations = new MemoryRevocations({
      wallMs: () => this.#wallMs(),
      check: (stream) => void this.#stream(stream),
      append: (stream, fields) => {
        const { id } = this.#stream(stream).append({ fields }, this.#wallMs());
        this.#waiters.wake(stream);
        return id;
      },
    });
  }

  get state(): BrokerState {
    return this.#notifier.state;
  }

  onStateChange(listener: (state: BrokerState, cause?: Error) => void): () => void {
    return this.#notifier.listen(listener);
  }

  async open(): Promise<void> {
    if (this.state === 'closed') throw brokerClosed();
    this.#notifier.change('ready');
  }

  async close(): Promise<void> {
    this.#notifier.change('closed');
    this.#waiters.rejectAll(brokerClosed());
  }

  async append(stream: string, entries: readonly OutgoingEntry[]): Promise<readonly PublishReceipt[]> {
    const target = this.#stream(stream);
    checkOutgoingEntries(entries);
    const receipts = entries.map((entry) => {
      const receipt = target.append(entry, this.#wallMs());
      if (entry.ends !== undefined && !receipt.isDuplicate) this.windows.end(entry.ends, receipt.id);
      return receipt;
    });
    if (receipts.some(({ isDuplicate }) => !isDuplicate)) this.#waiters.wake(stream);
    return receipts;
  }

  async register(
    subscriber: string,
    streams: readonly string[] = [...this.#streams.keys()],
  ): Promise<readonly StreamStart[]> {
    checkName('subscriber', subscriber);
    this.#checkReady();
    return streams.map((name) => this.#stream(name).register(subscriber, this.#wallMs()));
  }

  async unregister(subscriber: string): Promise<void> {
    this.#checkReady();
    for (const stream of this.#streams.values()) stream.unregister(subscriber);
  }

  async heartbeat(
    subscriber: string,
    progress: ReadonlyMap<string, ReadProgress>,
  ): Promise<readonly HeartbeatReply[]> {
    checkName('subscriber', subscriber);
    return Array.from(progress, ([name, ofStream]) => {
      checkEntryId(ofStream.cursor);
      return this.#stream(name).heartbeat(subscriber, ofStream, this.#wallMs());
    });
  }

  async readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>> {
    checkRead(this.partitioning, cursors, options);
    this.#checkReady();
    const { signal } = options;
    if (cursors.size === 0 || isAborted(signal)) return new Map();
    const found = this.#collect(cursors, options.count);
    if (found.size > 0 || options.blockMs === 0) return found;
    await this.#waiters.wait([...cursors.keys()], options.blockMs, signal);
    return isAborted(signal) ? new Map() : this.#collect(cursors, options.count);
  }

  async readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]> {
    checkRange(options);
    return this.#stream(stream).readRange(options);
  }

  async claimSlot(owner: string, request: SlotRequest = {}): Promise<SlotClaim> {
    checkName('subscriber', owner);
    if (request.instance !== undefined) checkName('instance', request.instance);
    this.#checkReady();
    return this.#slots.claim(owner, request, this.#wallMs(), this.options.leaseMs);
  }

  async releaseSlot(owner: string): Promise<void> {
    this.#checkReady();
    this.#slots.release(owner);
  }

  async acquireLease(stream: string, owner: string): Promise<Lease | undefined> {
    checkName('subscriber', owner);
    return this.#stream(stream).acquireLease(owner, this.#wallMs());
  }

  async releaseLease(lease: Lease): Promise<void> {
    this.#stream(lease.stream).releaseLease(lease);
  }

  async runLedgerPass(lease: Lease, pass: LedgerPass): Promise<LedgerPassResult> {
    checkCount(pass.count);
    checkName('consumer', pass.consumer);
    if (pass.cursor !== undefined) checkEntryId(pass.cursor);
    return this.#stream(lease.stream).runLedgerPass(lease, pass, this.#wallMs());
  }

  async trim(lease: Lease): Promise<TrimResult> {
    return this.#stream(lease.stream).trim(lease, this.#wallMs());
  }

  async deadLetter(rejected: RejectedEntry): Promise<boolean> {
    checkEntryId(rejected.entry.id);
    return this.#stream(rejected.stream).deadLetter(rejected, this.#wallMs());
  }

  async findRejected(stream: string, ids: readonly EntryId[]): Promise<ReadonlySet<EntryId>> {
    checkEntryIds(ids);
    return this.#stream(stream).findRejected(ids, this.#wallMs());
  }

  async listDeadLetters(stream: string, options: RangeOptions): Promise<readonly DeadLetter[]> {
    checkRange(options);
    return this.#stream(stream).listDeadLetters(options);
  }

  async readDeadLetter(stream: string, id: EntryId): Promise<DeadLetter | undefined> {
    checkEntryId(id);
    return this.#stream(stream).readDeadLetter(id);
  }

  async requeueDeadLetter(stream: string, id: EntryId): Promise<RequeueResult> {
    checkEntryId(id);
    const result = this.#stream(stream).requeueDeadLetter(id, this.#wallMs());
    if (result.status === 'requeued') this.#waiters.wake(stream);
    return result;
  }

  async dropDeadLetters(stream: string, ids: readonly EntryId[]): Promise<number> {
    checkEntryIds(ids);
    return this.#stream(stream).dropDeadLetters(ids);
  }

  async storeSettings(): Promise<StoreSettings> {
    return { evictionPolicy: 'noeviction', isPersistent: false };
  }

  async inspect(stream: string): Promise<StreamInspection> {
    return this.#stream(stream).inspect(this.#wallMs());
  }

  async announce(subscriber: string, names: readonly string[]): Promise<void> {
    checkName('subscriber', subscriber);
    checkNames(names);
    this.#checkReady();
    const nowMs = this.#wallMs();
    this.#announced.delete(subscriber);
    for (const [name, { endsMs }] of this.#announced) if (endsMs <= nowMs) this.#announced.delete(name);
    if (names.length === 0 || this.#announced.size >= ANNOUNCEMENT_LIMITS.maxSubscribers) return;
    this.#announced.set(subscriber, { names: [...names], endsMs: nowMs + ANNOUNCEMENT_LIMITS.lifetimeMs });
  }

  async announced(): Promise<ReadonlySet<string>> {
    this.#checkReady();
    const nowMs = this.#wallMs();
    return new Set(
      [...this.#announced.values()].flatMap(({ names, endsMs }) => (endsMs > nowMs ? names : [])),
    );
  }

  #collect(cursors: ReadonlyMap<string, EntryId>, count: number): Map<string, readonly Entry[]> {
    const found = new Map<string, readonly Entry[]>();
    for (const [name, cursor] of cursors) {
      const entries = this.#stream(name).readAfter(cursor, count);
      if (entries.length > 0) found.set(name, entries);
    }
    return found;
  }

  #stream(name: string): MemoryStream {
    checkStream(this.partitioning, name);
    this.#checkReady();
    const stream = this.#streams.get(name);
    if (stream === undefined) throw unknownStream(name);
    return stream;
  }

  #checkReady(): void {
    if (this.state === 'closed') throw brokerClosed();
    if (this.state !== 'ready')
      throw new BrokerError('unavailable', 'The broker has not been opened', { nothingHappened: true });
  }

  #wallMs(): number {
    return this.#clock.wallMs();
  }
}

/** Reads `signal.aborted`. Without a function, the compiler would assume that the value stays the same between two reads. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

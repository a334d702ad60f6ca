// The broker on Redis Streams: composes connections, batchers and scripts into the port. What each script
// guarantees stands in its own file.
import {
  checkCount,
  checkEntryId,
  checkName,
  checkOutgoingEntry,
  checkRead,
  checkStream,
  invalid,
} from '../arguments.js';
import type {
  Broker,
  BrokerState,
  DeadLetter,
  Entry,
  EntryId,
  HeartbeatReply,
  Lease,
  LedgerTick,
  OutgoingEntry,
  PublishReceipt,
  RangeOptions,
  ReadOptions,
  SlotClaim,
  StreamInspection,
  StreamPlace,
  StreamStart,
  TickResult,
  TrimResult,
} from '../broker.js';
import { BrokerError } from '../errors.js';
import type { ResolvedBrokerOptions } from '../options.js';
import { StateNotifier } from '../state-notifier.js';
import { BlockingReader } from './blocking-reader.js';
import { RedisConnection } from './connection.js';
import { streamKeys } from './keys.js';
import { PublishBatcher } from './publish-batcher.js';
import {
  type RedisBrokerOptions,
  type ResolvedRedisOptions,
  resolveRedisBrokerOptions,
} from './redis-options.js';
import { asEntries } from './replies.js';
import {
  acquireLeaseCall,
  claimSlotCall,
  deadLetterCall,
  heartbeatCall,
  inspectCall,
  publishCall,
  registerCall,
  releaseLeaseCall,
  releaseSlotCall,
  type ScriptCall,
  type StreamBounds,
  tickCall,
  trimCall,
} from './script-calls.js';
import { asDeadLetters } from './script-replies.js';

/** Most characters in one publish call: about a millisecond of Redis. */
const MAX_BATCH_CHARS = 262_144;

/** What belongs to one stream. */
interface StreamPart extends StreamBounds {
  readonly batcher: PublishBatcher;
}

/**
 * A broker on Redis 7.0 or newer (or a Valkey of that age). Nothing is connected before `open`.
 * @throws BrokerError `invalid_argument` when an option is wrong
 */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  return new RedisBroker(resolveRedisBrokerOptions(options));
}

class RedisBroker implements Broker {
  readonly kind = 'redis';
  readonly options: ResolvedBrokerOptions;
  readonly #writer: RedisConnection;
  readonly #readerConnection: RedisConnection;
  readonly #reader: BlockingReader;
  readonly #notifier = new StateNotifier();
  readonly #parts: ReadonlyMap<string, StreamPart>;
  /** Set by `close`: what was accepted is finished, nothing new is. */
  #isClosing = false;

  constructor({ broker, redis }: ResolvedRedisOptions) {
    this.options = broker;
    const common = {
      url: redis.url,
      connectTimeoutMs: broker.connectTimeoutMs,
      commandTimeoutMs: broker.commandTimeoutMs,
      clock: redis.clock,
      onStateChange: (_: BrokerState, cause?: Error) => this.#updateState(cause),
    };
    this.#writer = new RedisConnection({ ...common, clientName: `${redis.clientName}-writer` });
    this.#readerConnection = new RedisConnection({ ...common, clientName: `${redis.clientName}-reader` });
    this.#reader = new BlockingReader(
      this.#readerConnection,
      (clientId) => this.#writer.command(['CLIENT', 'UNBLOCK', clientId]),
      broker.commandTimeoutMs,
    );
    this.#parts = new Map(
      broker.streams.map(({ name, maxLength }) => [name, this.#newPart(name, maxLength, redis)]),
    );
  }

  get state(): BrokerState {
    return this.#notifier.state;
  }

  onStateChange(listener: (state: BrokerState, cause?: Error) => void): () => void {
    return this.#notifier.listen(listener);
  }

  async open(): Promise<void> {
    await this.#writer.open();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#readerConnection.close();
    if (this.#writer.state === 'ready')
      await Promise.all([...this.#parts.values()].map(({ batcher }) => batcher.idle()));
    this.#writer.close();
  }

  async publish(entry: OutgoingEntry): Promise<PublishReceipt> {
    const { batcher } = this.#part(entry.stream);
    const chars = checkOutgoingEntry(entry);
    if (this.#isClosing) throw new BrokerError('closed', 'The broker is closed');
    return batcher.publish(entry, chars);
  }

  async register(member: string): Promise<readonly StreamStart[]> {
    checkMember(member);
    return this.#forEachStream(({ keys }) => this.#run(registerCall(keys, this.options, member)));
  }

  async unregister(member: string): Promise<void> {
    checkMember(member);
    await this.#forEachStream(({ keys }) => this.#writer.command(['HDEL', keys.cursors, member]));
  }

  async heartbeat(
    member: string,
    places: ReadonlyMap<string, StreamPlace>,
  ): Promise<readonly HeartbeatReply[]> {
    checkMember(member);
    const calls = Array.from(places, ([stream, place]) => {
      checkEntryId(place.cursor);
      return heartbeatCall(this.#part(stream).keys, this.options, member, place);
    });
    return Promise.all(calls.map((call) => this.#run(call)));
  }

  async readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>> {
    checkRead(this.options, cursors, options);
    return cursors.size === 0 ? new Map() : this.#reader.read(cursors, options);
  }

  async readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]> {
    checkStream(this.options, stream);
    checkCount(options.count);
    if (options.after !== undefined) checkEntryId(options.after);
    if (options.upTo !== undefined) checkEntryId(options.upTo);
    const from = options.after === undefined ? '-' : `(${options.after}`;
    const to = options.upTo ?? '+';
    const command =
      options.direction === 'backward' ? ['XREVRANGE', stream, to, from] : ['XRANGE', stream, from, to];
    return asEntries(await this.#writer.command([...command, 'COUNT', String(options.count)]));
  }

  async claimSlot(owner: string, preferred = 0): Promise<SlotClaim> {
    checkMember(owner);
    return this.#run(claimSlotCall(this.options, owner, preferred));
  }

  async releaseSlot(owner: string): Promise<void> {
    return this.#run(releaseSlotCall(this.options, owner));
  }

  async acquireLease(stream: string, owner: string): Promise<Lease | undefined> {
    checkMember(owner);
    return this.#run(acquireLeaseCall(this.#part(stream).keys, this.options, owner));
  }

  async releaseLease(lease: Lease): Promise<void> {
    return this.#run(releaseLeaseCall(this.#part(lease.stream).keys, lease));
  }

  async tickLedger(lease: Lease, tick: LedgerTick): Promise<TickResult> {
    checkCount(tick.count);
    checkName('consumer', tick.consumer);
    if (tick.cursor !== undefined) checkEntryId(tick.cursor);
    return this.#run(tickCall(this.#part(lease.stream).keys, this.options, lease, tick));
  }

  async trim(lease: Lease): Promise<TrimResult> {
    return this.#run(trimCall(this.#part(lease.stream), this.options, lease));
  }

  async deadLetter(letter: Parameters<Broker['deadLetter']>[0]): Promise<boolean> {
    const { stream, entry, reason, rejectedBy } = letter;
    checkEntryId(entry.id);
    const content = { originId: entry.id, reason, rejectedBy, fields: entry.fields };
    return this.#run(deadLetterCall(this.#part(stream).keys, this.options, content));
  }

  async listDeadLetters(stream: string, count: number): Promise<readonly DeadLetter[]> {
    checkCount(count);
    const { keys } = this.#part(stream);
    return asDeadLetters(
      await this.#writer.command(['XREVRANGE', keys.dead, '+', '-', 'COUNT', String(count)]),
    );
  }

  async inspect(stream: string): Promise<StreamInspection> {
    return this.#run(inspectCall(this.#part(stream).keys, this.options));
  }

  #newPart(stream: string, maxLength: number, redis: ResolvedRedisOptions['redis']): StreamPart {
    const bounds = { keys: streamKeys(stream), maxLength, hardCap: maxLength * this.options.hardCapFactor };
    const batcher = new PublishBatcher((entries) => this.#run(publishCall(bounds, this.options, entries)), {
      maxBatchEntries: this.options.publishBatchSize,
      maxBatchChars: MAX_BATCH_CHARS,
      maxQueuedEntries: this.options.maxQueuedPublishes,
      maxQueuedChars: this.options.maxQueuedChars,
      maxWaitMs: this.options.commandTimeoutMs,
      clock: redis.clock,
    });
    return { ...bounds, batcher };
  }

  #run<T>(call: ScriptCall<T>): Promise<T> {
    return this.#writer.run(call);
  }

  #part(stream: string): StreamPart {
    const part = this.#parts.get(stream);
    if (part === undefined) throw invalid(`unknown stream ${JSON.stringify(stream)}`);
    return part;
  }

  #forEachStream<T>(work: (part: StreamPart) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from(this.#parts.values(), work));
  }

  /** The reader connects with the first read, so only its being away counts, not its not being there yet. */
  #updateState(cause?: Error): void {
    const writer = this.#writer.state;
    const isReaderAway = writer === 'ready' && this.#readerConnection.state === 'unavailable';
    this.#notifier.change(isReaderAway ? 'unavailable' : writer, cause);
  }
}

function checkMember(member: string): void {
  checkName('member', member);
}

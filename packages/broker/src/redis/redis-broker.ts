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
import { newEpoch } from '../epoch.js';
import { BrokerError } from '../errors.js';
import type { ResolvedBrokerOptions } from '../options.js';
import { StateNotifier } from '../state-notifier.js';
import { BlockingReader } from './blocking-reader.js';
import { RedisConnection } from './connection.js';
import {
  asDeadLetters,
  asHeartbeatReply,
  asInspection,
  asReceipts,
  asSlotClaim,
  asStreamStart,
  asTickResult,
  asTrimResult,
} from './script-replies.js';
import { slotsKey, type StreamKeys, streamKeys } from './keys.js';
import { PublishBatcher } from './publish-batcher.js';
import {
  type RedisBrokerOptions,
  resolveRedisBrokerOptions,
  type ResolvedRedisOptions,
} from './redis-options.js';
import { asEntries, asNumber } from './replies.js';
import { deadLetterScript } from './scripts/dead-letter.js';
import { heartbeatScript } from './scripts/heartbeat.js';
import { inspectScript } from './scripts/inspect.js';
import { acquireLeaseScript, releaseLeaseScript } from './scripts/lease.js';
import { publishScript } from './scripts/publish.js';
import { registerScript } from './scripts/register.js';
import { claimSlotScript, releaseSlotScript } from './scripts/slots.js';
import { tickScript } from './scripts/tick.js';
import { trimScript } from './scripts/trim.js';

/** Most characters in one publish call: about a millisecond of Redis. */
const MAX_BATCH_CHARS = 262_144;

/** What belongs to one stream. */
interface StreamPart {
  readonly keys: StreamKeys;
  readonly maxLength: number;
  readonly hardCap: number;
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
    const { group, livenessMs } = this.options;
    return this.#forEachStream(async ({ keys }) => {
      const reply = await this.#writer.run(
        registerScript,
        [keys.stream, keys.cursors, keys.epoch, keys.lease],
        [member, group, String(livenessMs), newEpoch()],
      );
      return asStreamStart(keys.stream, reply);
    });
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
    const { group, livenessMs } = this.options;
    return Promise.all(
      Array.from(places, async ([stream, place]) => {
        checkEntryId(place.cursor);
        const { keys } = this.#part(stream);
        const reply = await this.#writer.run(
          heartbeatScript,
          [keys.stream, keys.cursors, keys.epoch, keys.lease],
          [
            member,
            place.cursor,
            place.epoch,
            String(place.entriesAdded),
            group,
            String(livenessMs),
            newEpoch(),
          ],
        );
        return asHeartbeatReply(stream, reply);
      }),
    );
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
    const { group, leaseMs } = this.options;
    const args = [owner, String(leaseMs), String(preferred)];
    return asSlotClaim(await this.#writer.run(claimSlotScript, [slotsKey(group)], args));
  }

  async releaseSlot(owner: string): Promise<void> {
    await this.#writer.run(releaseSlotScript, [slotsKey(this.options.group)], [owner]);
  }

  async acquireLease(stream: string, owner: string): Promise<Lease | undefined> {
    checkMember(owner);
    const { keys } = this.#part(stream);
    const fence = await this.#writer.run(
      acquireLeaseScript,
      [keys.lease],
      [owner, String(this.options.leaseMs)],
    );
    return fence === null ? undefined : { stream, owner, fence: asNumber(fence) };
  }

  async releaseLease(lease: Lease): Promise<void> {
    const { keys } = this.#part(lease.stream);
    await this.#writer.run(releaseLeaseScript, [keys.lease], [lease.owner, String(lease.fence)]);
  }

  async tickLedger(lease: Lease, tick: LedgerTick): Promise<TickResult> {
    checkCount(tick.count);
    checkName('consumer', tick.consumer);
    if (tick.cursor !== undefined) checkEntryId(tick.cursor);
    const { keys } = this.#part(lease.stream);
    const { group, livenessMs } = this.options;
    const reply = await this.#writer.run(
      tickScript,
      [keys.stream, keys.cursors, keys.lease],
      [
        lease.owner,
        String(lease.fence),
        group,
        tick.consumer,
        String(tick.count),
        String(livenessMs),
        tick.cursor ?? '',
      ],
    );
    return asTickResult(reply);
  }

  async trim(lease: Lease): Promise<TrimResult> {
    const { keys, maxLength, hardCap } = this.#part(lease.stream);
    const { group, minAgeMs, trimBatchSize } = this.options;
    const reply = await this.#writer.run(
      trimScript,
      [keys.stream, keys.cursors, keys.lease, keys.expired],
      [lease.owner, lease.fence, group, maxLength, hardCap, minAgeMs, trimBatchSize].map(String),
    );
    return asTrimResult(reply);
  }

  async deadLetter(letter: Parameters<Broker['deadLetter']>[0]): Promise<boolean> {
    checkEntryId(letter.entry.id);
    const { keys } = this.#part(letter.stream);
    const { deadMarkMs, deadLetterMaxLength } = this.options;
    const reply = await this.#writer.run(
      deadLetterScript,
      [keys.dead, keys.deadMark(letter.entry.id)],
      [
        String(deadMarkMs),
        String(deadLetterMaxLength),
        letter.entry.id,
        letter.reason,
        letter.rejectedBy,
        JSON.stringify(letter.entry.fields),
      ],
    );
    return reply === 1;
  }

  async listDeadLetters(stream: string, count: number): Promise<readonly DeadLetter[]> {
    checkCount(count);
    const { keys } = this.#part(stream);
    return asDeadLetters(
      await this.#writer.command(['XREVRANGE', keys.dead, '+', '-', 'COUNT', String(count)]),
    );
  }

  async inspect(stream: string): Promise<StreamInspection> {
    const { keys } = this.#part(stream);
    const reply = await this.#writer.run(
      inspectScript,
      [keys.stream, keys.expired, keys.dead],
      [this.options.group],
    );
    return asInspection(stream, reply);
  }

  #newPart(stream: string, maxLength: number, redis: ResolvedRedisOptions['redis']): StreamPart {
    const keys = streamKeys(stream);
    const hardCap = maxLength * this.options.hardCapFactor;
    const batcher = new PublishBatcher((entries) => this.#publishBatch(keys, hardCap, entries), {
      maxBatchEntries: this.options.publishBatchSize,
      maxBatchChars: MAX_BATCH_CHARS,
      maxQueuedEntries: this.options.maxQueuedPublishes,
      maxQueuedChars: this.options.maxQueuedChars,
      maxWaitMs: this.options.commandTimeoutMs,
      clock: redis.clock,
    });
    return { keys, maxLength, hardCap, batcher };
  }

  async #publishBatch(keys: StreamKeys, hardCap: number, entries: readonly OutgoingEntry[]) {
    const { group, trimBatchSize, dedupeWindowMs } = this.options;
    const scriptKeys = [keys.stream, keys.expired];
    const args = [group, String(hardCap), String(trimBatchSize), String(dedupeWindowMs)];
    for (const { dedupeId, fields } of entries) {
      const flat = Object.entries(fields).flat();
      if (dedupeId !== undefined) scriptKeys.push(keys.dedupe(dedupeId));
      args.push(dedupeId === undefined ? '0' : '1', String(flat.length), ...flat);
    }
    return asReceipts(await this.#writer.run(publishScript, scriptKeys, args));
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

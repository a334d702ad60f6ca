// The options of a broker, their defaults, and the one place that checks them.
import { BrokerError } from './errors.js';
import { MAX_PARTITIONS, partitioningOf } from './partitions/partitioning.js';

/** A stream and the length it settles at once its entries are acknowledged. */
export interface StreamOptions {
  /** Key of the stream: 1–200 bytes, without control characters or braces. */
  readonly name: string;
  /** At least so many entries are kept; others are trimmed once they are acknowledged and older than `minAgeMs`. Holds for each partition. */
  readonly maxLength: number;
  /**
   * Streams that share the load: 1 to 32, fixed once the store has the first number. Left out: the number in the store, and while
   * it has none, one.
   */
  readonly partitions?: number;
}

/** Options common to every broker. */
export interface BrokerOptions {
  /** The streams, in the order in which positions list them. */
  readonly streams: readonly StreamOptions[];
  /** Name of the consumer group that accounts for delivery. @defaultValue 'signalr-consumers' */
  readonly group?: string;
  /** Consumers are named by this and their slot. @defaultValue 'signalr-instance-' */
  readonly consumerPrefix?: string;
  /** How long a `dedupeId` is remembered. @defaultValue 300000 */
  readonly dedupeWindowMs?: number;
  /** Deadline of every call. @defaultValue 5000 */
  readonly commandTimeoutMs?: number;
  /** Deadline of `open`, and of every later attempt to connect. @defaultValue 5000 */
  readonly connectTimeoutMs?: number;
  /** A subscriber whose heartbeat is older, or whose cursor stands still this long before the end, counts as dead. @defaultValue 3000 */
  readonly livenessMs?: number;
  /** How long a lease or a slot lasts without being renewed. @defaultValue 3000 */
  readonly leaseMs?: number;
  /** How often a subscriber reports its cursors. @defaultValue 250 */
  readonly heartbeatMs?: number;
  /** Acknowledged entries younger than this are kept whatever the length. @defaultValue 30000 */
  readonly minAgeMs?: number;
  /** Beyond `maxLength` times this, entries are removed, acknowledged or not. @defaultValue 20 */
  readonly hardCapFactor?: number;
  /** Most entries that a publisher appends with one call; it begins with 32, and sends more only with a backlog. @defaultValue 512 */
  readonly publishBatchSize?: number;
  /** Maximum number of entries that one trim or one cut removes. @defaultValue 1000 */
  readonly trimBatchSize?: number;
  /** Dead letters kept per stream, give or take one node. @defaultValue 1000 */
  readonly deadLetterMaxLength?: number;
  /** How long the broker remembers that an entry was rejected. @defaultValue 86400000 */
  readonly deadMarkMs?: number;
}

/** `BrokerOptions` with every default filled in. */
export type ResolvedBrokerOptions = Required<BrokerOptions>;

const MAX_STREAMS = 256;
const MAX_NAME_BYTES = 200;

/**
 * Fills in the defaults, checks every value and freezes the result.
 * @throws BrokerError `invalid_argument` naming the option that is wrong
 */
export function resolveBrokerOptions(options: BrokerOptions): ResolvedBrokerOptions {
  return Object.freeze({
    streams: Object.freeze(checkedStreams(options.streams)),
    group: checkedName('group', options.group ?? 'signalr-consumers'),
    consumerPrefix: checkedName('consumerPrefix', options.consumerPrefix ?? 'signalr-instance-'),
    dedupeWindowMs: atLeastOne('dedupeWindowMs', options.dedupeWindowMs ?? 300_000),
    commandTimeoutMs: atLeastOne('commandTimeoutMs', options.commandTimeoutMs ?? 5_000),
    connectTimeoutMs: atLeastOne('connectTimeoutMs', options.connectTimeoutMs ?? 5_000),
    livenessMs: atLeastOne('livenessMs', options.livenessMs ?? 3_000),
    leaseMs: atLeastOne('leaseMs', options.leaseMs ?? 3_000),
    heartbeatMs: atLeastOne('heartbeatMs', options.heartbeatMs ?? 250),
    minAgeMs: wholeNumber('minAgeMs', options.minAgeMs ?? 30_000, 0),
    hardCapFactor: atLeastOne('hardCapFactor', options.hardCapFactor ?? 20),
    publishBatchSize: wholeNumber('publishBatchSize', options.publishBatchSize ?? 512, 1, 1_000),
    trimBatchSize: wholeNumber('trimBatchSize', options.trimBatchSize ?? 1_000, 1, 100_000),
    deadLetterMaxLength: atLeastOne('deadLetterMaxLength', options.deadLetterMaxLength ?? 1_000),
    deadMarkMs: atLeastOne('deadMarkMs', options.deadMarkMs ?? 86_400_000),
  });
}

function checkedStreams(streams: readonly StreamOptions[]): StreamOptions[] {
  if (!Array.isArray(streams) || streams.length === 0 || streams.length > MAX_STREAMS) {
    throw invalid(`streams must list 1 to ${MAX_STREAMS} streams`);
  }
  const checked = streams.map(checkedStream);
  const names = partitioningOf(checked).streams.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`stream ${twice} is listed twice`);
  if (names.length > MAX_STREAMS)
    throw invalid(`all partitions together must be at most ${MAX_STREAMS} streams`);
  return checked;
}

function checkedStream(stream: StreamOptions): StreamOptions {
  const name = checkedName('streams[].name', stream.name);
  const maxLength = atLeastOne(`maxLength of ${name}`, stream.maxLength);
  if (stream.partitions === undefined) return Object.freeze({ name, maxLength });
  const partitions = wholeNumber(`partitions of ${name}`, stream.partitions, 1, MAX_PARTITIONS);
  return Object.freeze({ name, maxLength, partitions });
}

/** Braces would move a key's hash tag, and control characters would make it unreadable for people. */
function checkedName(option: string, name: unknown): string {
  const isGood =
    typeof name === 'string' &&
    name.length > 0 &&
    Buffer.from(name).toString() === name &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES &&
    !/[\p{Cc}{}]/u.test(name);
  if (!isGood)
    throw invalid(`${option} must be 1 to ${MAX_NAME_BYTES} bytes without control characters or braces`);
  return name;
}

function atLeastOne(option: string, value: number): number {
  return wholeNumber(option, value, 1);
}

function wholeNumber(option: string, value: number, min: number, max = 2 ** 40): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${option} must be a whole number from ${min} to ${max}`);
}

function invalid(message: string): BrokerError {
  return new BrokerError('invalid_argument', message);
}

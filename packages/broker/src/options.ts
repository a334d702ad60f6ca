// The options of a broker: their types, their defaults and their checks.
import { BrokerError } from './errors.js';
import { MAX_PARTITIONS, partitioningOf } from './partitions/partitioning.js';

/** A stream of the broker, and the length to which it is trimmed after its entries are acknowledged. */
export interface StreamOptions {
  /** Key of the stream: 1–200 bytes, without control characters or braces. */
  readonly name: string;
  /**
   * Minimum number of entries that a trim leaves in each partition. A trim removes older entries if they are acknowledged and older
   * than `minAgeMs`.
   */
  readonly maxLength: number;
  /**
   * Number of partitions over which the load is spread: 1 to 32. The number cannot be changed after the store
   * has recorded one. If left out, the number in the store applies, or 1 if the store has none.
   */
  readonly partitions?: number;
}

/** Options common to every broker. */
export interface BrokerOptions {
  /** The streams. A position has one part per stream, in the order given here. */
  readonly streams: readonly StreamOptions[];
  /** Name of the consumer group that records which entries were delivered. @defaultValue 'signalr-consumers' */
  readonly group?: string;
  /** Prefix of consumer names: a consumer is named by this prefix and the number of its slot. @defaultValue 'signalr-instance-' */
  readonly consumerPrefix?: string;
  /** Time for which a `dedupeId` is remembered, in milliseconds. @defaultValue 300000 */
  readonly dedupeWindowMs?: number;
  /** Deadline of every call to the store, in milliseconds. @defaultValue 5000 */
  readonly commandTimeoutMs?: number;
  /** Deadline of `open`, and of every later attempt to connect, in milliseconds. @defaultValue 5000 */
  readonly connectTimeoutMs?: number;
  /**
   * Time in milliseconds after which a subscriber is declared dead. A subscriber is declared dead if it has
   * sent no heartbeat, or if its cursor has not moved although there are newer entries. @defaultValue 3000
   */
  readonly livenessMs?: number;
  /** Time after which a lease or a slot expires if it is not renewed, in milliseconds. @defaultValue 3000 */
  readonly leaseMs?: number;
  /** Interval at which a subscriber reports its cursors, in milliseconds. @defaultValue 250 */
  readonly heartbeatMs?: number;
  /** Age below which a trim keeps acknowledged entries, in milliseconds. The hard cap ignores the age. @defaultValue 30000 */
  readonly minAgeMs?: number;
  /**
   * Factor for the hard cap of a stream, which is `maxLength` times this number. Entries beyond the hard cap are removed even if
   * they are not acknowledged. @defaultValue 20
   */
  readonly hardCapFactor?: number;
  /**
   * Maximum number of entries that a publisher appends with one call. A publisher begins with 32 entries per call, and sends more
   * only when it has a backlog. @defaultValue 512
   */
  readonly publishBatchSize?: number;
  /**
   * Maximum number of entries that one trim, or one cut at the hard cap, removes. Far beyond the hard cap a trim removes more: a
   * tenth of the entries beyond it. @defaultValue 1000
   */
  readonly trimBatchSize?: number;
  /** Number of dead letters that are kept per stream. Redis may keep up to one stream node more. @defaultValue 1000 */
  readonly deadLetterMaxLength?: number;
  /** Time for which the broker remembers that an entry was rejected, in milliseconds. @defaultValue 86400000 */
  readonly deadMarkMs?: number;
}

/** `BrokerOptions` with every default filled in. */
export type ResolvedBrokerOptions = Required<BrokerOptions>;

const MAX_STREAMS = 256;
const MAX_NAME_BYTES = 200;

/**
 * Fills in the defaults, checks every value and freezes the result.
 * @throws BrokerError `invalid_argument` with a message that names the wrong option
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

/**
 * Checks a name that becomes part of a key. Braces would change the hash tag of the key. Control characters
 * would make the key unreadable.
 */
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

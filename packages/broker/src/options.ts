// The options of a broker: their types, their defaults and their checks.
import {
  checkOptions,
  nearestName,
  type OptionRule,
  type OptionRules,
  oneOf,
  required,
  timerMs,
  wholeNumber,
} from '@millrace/internal';
import { BrokerError } from './errors.js';
import { MAX_PARTITIONS, partitioningOf } from './partitions/partitioning.js';

/** A stream of the broker, and its length after a trim of acknowledged entries. @beta */
export interface StreamOptions {
  /** Key of the stream: 1–200 bytes, without control characters or braces. */
  readonly name: string;
  /**
   * Minimum number of entries that a trim leaves in each partition. Older entries are removed if they are acknowledged and
   * older than `minAgeMs`.
   */
  readonly maxLength: number;
  /**
   * Number of partitions over which the load is spread: 1 to 32. It cannot change after the store has recorded it. Without
   * this option, the number in the store applies, or 1 if the store has none.
   */
  readonly partitions?: number;
  /**
   * `observe` if another system owns the stream. The key of the stream is then `name`, without the key prefix, and it has no
   * partitions. The broker on Redis removes no entry from it, and does not create it, except by an append. The broker in memory shares
   * its streams with nobody, and ignores this option. @defaultValue 'acknowledged'
   */
  readonly retention?: 'acknowledged' | 'observe';
  /**
   * Name of the consumer group for this stream and its partitions, as `BrokerOptions.group`. The broker in memory has one group, and
   * ignores this option. @defaultValue `BrokerOptions.group`
   */
  readonly group?: string;
}

/** The consumer group of the data model. */
export const DEFAULT_GROUP = 'signalr-consumers';

/** The consumer group of brokers that observe a stream, with the default prefix. The owner of the stream may use `DEFAULT_GROUP`. */
const OBSERVER_GROUP = 'millrace';

/** The key prefix of brokers that observe a stream. The owner of the stream may use the same Redis for other keys. */
const OBSERVER_KEY_PREFIX = 'millrace:';

/** True if another system owns the stream. @beta */
export function isObserved({ retention }: Pick<StreamOptions, 'retention'>): boolean {
  return retention === 'observe';
}

/** Defaults that depend on the streams. @beta */
export interface StreamDefaults {
  readonly group: string;
  readonly keyPrefix: string;
}

/**
 * Returns the default consumer group and key prefix of a broker with these streams. The group of observers depends on the prefix,
 * because deployments with different prefixes observe the same stream, and each of them must read all of it.
 * @param keyPrefix the prefix, if it is given
 * @beta
 */
export function defaultsFor(
  streams: readonly Pick<StreamOptions, 'retention'>[],
  keyPrefix?: string,
): StreamDefaults {
  if (!streams.some(isObserved)) return { group: DEFAULT_GROUP, keyPrefix: keyPrefix ?? '' };
  const prefix = keyPrefix ?? OBSERVER_KEY_PREFIX;
  return { group: observerGroupOf(prefix), keyPrefix: prefix };
}

/** Returns the default group of observers with this key prefix: `millrace` for the default prefix, otherwise `millrace-<prefix>`. */
export function observerGroupOf(keyPrefix: string): string {
  return keyPrefix === OBSERVER_KEY_PREFIX ? OBSERVER_GROUP : `${OBSERVER_GROUP}-${keyPrefix}`;
}

/** True for a name that {@link observerGroupOf} returns. */
export function isObserverGroup(group: string): boolean {
  return group === OBSERVER_GROUP || group.startsWith(`${OBSERVER_GROUP}-`);
}

/** Options common to every broker. @beta */
export interface BrokerOptions {
  /** The streams. A position has one part per stream, in the order given here. */
  readonly streams: readonly StreamOptions[];
  /**
   * Name of the consumer group that records which entries were delivered: 1 to 200 bytes, without control characters or
   * braces.
   *
   * Brokers with different groups share the streams. Each group is delivered every entry, and has its own subscribers, leases
   * and acknowledgements. Below the hard cap, a trim removes only entries that every group has acknowledged. @defaultValue
   * 'signalr-consumers'. If a stream has `retention: 'observe'`, 'millrace', or `millrace-<prefix>` with a key prefix of one's own
   */
  readonly group?: string;
  /**
   * Prefix of consumer names. A consumer's name is this prefix and the number of its slot. @defaultValue 'signalr-instance-'
   */
  readonly consumerPrefix?: string;
  /** Time for which a `dedupeId` is remembered, in milliseconds. @defaultValue 300000 */
  readonly dedupeWindowMs?: number;
  /** Deadline of every call to the store, in milliseconds. @defaultValue 5000 */
  readonly commandTimeoutMs?: number;
  /** Deadline of `open`, and of every later attempt to connect, in milliseconds. @defaultValue 5000 */
  readonly connectTimeoutMs?: number;
  /**
   * Time in milliseconds after which a subscriber is declared dead: it has sent no heartbeat, or its cursor has not moved
   * although there are newer entries. @defaultValue 3000
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
   * Maximum number of entries that a publisher appends with one call. A publisher begins with 32 entries per call, and sends
   * more only if it has a backlog. @defaultValue 512
   */
  readonly publishBatchSize?: number;
  /**
   * Maximum number of entries that one trim, or one cut at the hard cap, removes. In a stream far above the hard cap, a trim
   * removes more: a tenth of the entries above the cap. @defaultValue 1000
   */
  readonly trimBatchSize?: number;
  /** Number of dead letters that are kept per stream. Redis may keep up to one stream node more. @defaultValue 1000 */
  readonly deadLetterMaxLength?: number;
  /** Time for which the broker remembers that an entry was rejected, in milliseconds. @defaultValue 86400000 */
  readonly deadMarkMs?: number;
}

/** `BrokerOptions` with every default filled in. @beta */
export type ResolvedBrokerOptions = Required<BrokerOptions>;

const MAX_STREAMS = 256;
const MAX_NAME_BYTES = 200;

/**
 * A name that becomes part of a key. Braces would change the key's hash tag, and control characters would make the key
 * unreadable.
 */
const keyName: OptionRule = {
  mustBe: `a string of 1 to ${MAX_NAME_BYTES} bytes without control characters or braces`,
  isMet: (name) =>
    typeof name === 'string' &&
    name.length > 0 &&
    Buffer.from(name).toString() === name &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES &&
    !/[\p{Cc}{}]/u.test(name),
};

/** A number that Lua and Redis can add to another such number without rounding. */
const count = (min = 1, max = 2 ** 40): OptionRule => wholeNumber(min, max);

const STREAM_RULES: OptionRules<StreamOptions> = {
  name: required(keyName),
  maxLength: required(count()),
  partitions: count(1, MAX_PARTITIONS),
  retention: oneOf('acknowledged', 'observe'),
  group: keyName,
};

/** The rules of the options that all brokers have. */
export const BROKER_RULES: OptionRules<BrokerOptions> = {
  streams: required({
    mustBe: `a list of 1 to ${MAX_STREAMS} streams`,
    isMet: (streams) => Array.isArray(streams) && streams.length > 0 && streams.length <= MAX_STREAMS,
  }),
  group: keyName,
  consumerPrefix: keyName,
  dedupeWindowMs: count(),
  commandTimeoutMs: timerMs(),
  connectTimeoutMs: timerMs(),
  livenessMs: count(),
  leaseMs: count(),
  heartbeatMs: timerMs(),
  minAgeMs: count(0),
  hardCapFactor: count(),
  publishBatchSize: count(1, 1_000),
  trimBatchSize: count(1, 100_000),
  deadLetterMaxLength: count(),
  deadMarkMs: count(),
};

/**
 * Fills in the defaults, checks every value and freezes the result. `keyPrefix` is the prefix of a broker with keys in a store, if it
 * was given.
 * @throws BrokerError `invalid_argument` with a message that names the wrong option
 * @beta
 */
export function resolveBrokerOptions(options: BrokerOptions, keyPrefix?: string): ResolvedBrokerOptions {
  const given = checkOptions(options, BROKER_RULES, invalid, nearestName);
  const streams = checkedStreams(given.streams);
  return Object.freeze({
    group: defaultsFor(streams, keyPrefix).group,
    consumerPrefix: 'signalr-instance-',
    dedupeWindowMs: 300_000,
    commandTimeoutMs: 5_000,
    connectTimeoutMs: 5_000,
    livenessMs: 3_000,
    leaseMs: 3_000,
    heartbeatMs: 250,
    minAgeMs: 30_000,
    hardCapFactor: 20,
    publishBatchSize: 512,
    trimBatchSize: 1_000,
    deadLetterMaxLength: 1_000,
    deadMarkMs: 86_400_000,
    ...given,
    streams: Object.freeze(streams),
  });
}

function checkedStreams(streams: readonly StreamOptions[]): StreamOptions[] {
  // `Array.from` visits the holes of a sparse list. `map` would skip them.
  const checked = Array.from(streams, (stream, index) =>
    Object.freeze(
      checkOptions(stream, STREAM_RULES, (fault) => invalid(`streams[${index}]: ${fault}`), nearestName),
    ),
  );
  const divided = checked.find((stream) => isObserved(stream) && (stream.partitions ?? 1) > 1);
  if (divided !== undefined)
    throw invalid(
      `stream ${divided.name} has ${divided.partitions} partitions, but another system owns it (retention 'observe'): give it 1 partition`,
    );
  const names = partitioningOf(checked).streams.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`stream ${twice} is listed twice`);
  if (names.length > MAX_STREAMS)
    throw invalid(`all partitions together must be at most ${MAX_STREAMS} streams`);
  return checked;
}

function invalid(message: string): BrokerError {
  return new BrokerError('invalid_argument', message);
}

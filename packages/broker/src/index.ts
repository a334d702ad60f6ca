// Public exports of `@millrace/broker`.
export { entryDigest } from './entries/entry-digest.js';
export {
  compareEntryIds,
  type EntryId,
  entryIdMs,
  FIRST_ENTRY_ID,
  isEntryId,
  LAST_ENTRY_ID,
  minEntryId,
  nextEntryId,
  previousEntryId,
} from './entries/entry-id.js';
export { BROKER_ERROR_CODES, BrokerError, type BrokerErrorCode } from './errors.js';
export { createMemoryBroker, type MemoryBrokerOptions } from './memory/memory-broker.js';
export { MemoryWindows, type MemoryWindowsDependencies } from './memory/memory-windows.js';
export {
  type BrokerOptions,
  defaultsFor,
  isObserved,
  type ResolvedBrokerOptions,
  resolveBrokerOptions,
  type StreamDefaults,
  type StreamOptions,
} from './options.js';
export {
  MAX_PARTITIONS,
  Partitioning,
  partitionName,
  partitionOf,
  type StreamScope,
} from './partitions/partitioning.js';
export type {
  Lease,
  LedgerPass,
  LedgerPassResult,
  SlotClaim,
  SlotRequest,
  StreamInspection,
  TrimResult,
} from './port/acknowledgement-ledger.js';
export type { Broker, BrokerState, StoreSettings } from './port/broker.js';
export type { CounterStore, Occurrence } from './port/counters.js';
export type { DeadLetter, RejectedEntry, RequeueResult } from './port/dead-letter-store.js';
export type { Entry, OutgoingEntry, PublishReceipt, RangeOptions, ReadOptions } from './port/entry-log.js';
export {
  type ErasedRemoval,
  type Erasure,
  type ErasureStore,
  OTHER_GROUPS_WAIT_MS,
} from './port/erasure-store.js';
export {
  type AnnouncedChanges,
  PRESENCE_LIMITS,
  type PresenceChange,
  type PresenceEdit,
  type PresenceLease,
  type PresenceLeases,
  type PresenceStore,
  type PresentConnection,
  type PresentUser,
  type RoomPresence,
} from './port/presence.js';
export {
  REVOCATION_LIMITS,
  type Revocation,
  type RevocationChange,
  type RevocationReceipt,
  type RevocationState,
  type RevocationStore,
} from './port/revocations.js';
export type {
  HeartbeatReply,
  HeartbeatStatus,
  PreviousEpoch,
  ReadProgress,
  StreamStart,
} from './port/subscriber-registry.js';
export {
  type WaitedEnding,
  type WaitedInput,
  WINDOW_LIMITS,
  type WindowAddition,
  type WindowClaim,
  type WindowEnding,
  type WindowInput,
  type WindowName,
  type WindowStore,
} from './port/windows.js';
export { mayBeEpochOf } from './positions/epoch.js';
export {
  type CurrentPosition,
  type CurrentStreamPosition,
  EVERY_SCOPE,
  encodePosition,
  isPositionValid,
  MAX_POSITION_CHARS,
  type Position,
  parsePosition,
  type ReportedTip,
  type StreamPosition,
} from './positions/position.js';
export {
  type RedisTlsOptions,
  type RedisTlsSource,
  type RenewableRedisTls,
  resolveRedisTls,
} from './redis/connection/redis-tls.js';
export { parseRedisUrl, type RedisUrl } from './redis/connection/redis-url.js';
export { explainRedisFailure } from './redis/explain/explain-failure.js';
export {
  connectGroupReader,
  type GroupReader,
  type GroupReaderOptions,
  type GroupState,
  type PendingRange,
  type ServerLocation,
  type StreamEnds,
} from './redis/group-reader.js';
export { checkRedisKeyPrefix } from './redis/key-prefix.js';
export { createRedisBroker } from './redis/redis-broker.js';
export type { RedisBrokerOptions } from './redis/redis-options.js';
export {
  connectRedis,
  type RedisCommands,
  type RedisCommandsOptions,
} from './redis/routing/connect-redis.js';
export type { SourceProgress } from './redis/sources/source-progress.js';
export {
  connectSourceStreams,
  type FoundSources,
  type SourceSelection,
  type SourceStreams,
  type SourceStreamsOptions,
} from './redis/sources/source-streams.js';
export type { StreamTrouble, StreamTroubleKind } from './subscriber/stream-health.js';
export { createSubscriber, type Subscriber } from './subscriber/subscriber.js';
export type {
  SubscriberErrorSource,
  SubscriberOptions,
  SubscriberState,
} from './subscriber/subscriber-options.js';

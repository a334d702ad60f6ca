// Everything other packages may import.
export { entryDigest } from './entries/entry-digest.js';
export {
  compareEntryIds,
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
export { MemoryWindows, type MemoryWindowsPorts } from './memory/memory-windows.js';
export {
  type BrokerOptions,
  type ResolvedBrokerOptions,
  resolveBrokerOptions,
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
  Broker,
  BrokerState,
  DeadLetter,
  Entry,
  EntryId,
  FormerLife,
  HeartbeatReply,
  HeartbeatVerdict,
  Lease,
  LedgerTick,
  OutgoingEntry,
  PublishReceipt,
  RangeOptions,
  ReadOptions,
  ReplayResult,
  SlotClaim,
  SlotWish,
  StreamInspection,
  StreamPlace,
  StreamStart,
  TickResult,
  TrimResult,
} from './port/broker.js';
export type { CounterStore, Occurrence } from './port/counters.js';
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
  comparePositions,
  cursorsAfter,
  EVERY_SCOPE,
  encodePosition,
  MAX_POSITION_CHARS,
  type Position,
  parsePosition,
  type StreamPosition,
  type ToldTip,
} from './positions/position.js';
export { parseRedisUrl, type RedisUrl } from './redis/connection/redis-url.js';
export { explainRedisFailure } from './redis/explain/explain-failure.js';
export { createRedisBroker } from './redis/redis-broker.js';
export type { RedisBrokerOptions } from './redis/redis-options.js';
export {
  connectRedis,
  type RedisCommands,
  type RedisCommandsOptions,
} from './redis/routing/redis-commands.js';
export type { StreamTrouble, StreamTroubleKind } from './subscriber/stream-health.js';
export { createMember, type Member } from './subscriber/subscriber.js';
export type { MemberErrorSource, MemberOptions, MemberState } from './subscriber/subscriber-options.js';

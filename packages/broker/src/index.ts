// Everything other packages may import.
export { type BackOffOptions, backOffDelayMs } from './back-off.js';
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
} from './broker.js';
export { type CancelTimer, type Clock, pause, systemClock } from './clock.js';
export type { CounterStore, Occurrence } from './counters.js';
export { entryDigest } from './entry-digest.js';
export {
  compareEntryIds,
  entryIdMs,
  FIRST_ENTRY_ID,
  isEntryId,
  LAST_ENTRY_ID,
  minEntryId,
  nextEntryId,
  previousEntryId,
} from './entry-id.js';
export { mayBeEpochOf } from './epoch.js';
export { BROKER_ERROR_CODES, BrokerError, type BrokerErrorCode } from './errors.js';
export { createMember, type Member } from './member/member.js';
export type { MemberErrorSource, MemberOptions, MemberState } from './member/member-options.js';
export type { StreamTrouble, StreamTroubleKind } from './member/stream-health.js';
export { createMemoryBroker, type MemoryBrokerOptions } from './memory/memory-broker.js';
export { MemoryWindows, type MemoryWindowsPorts } from './memory/memory-windows.js';
export { OldestFirstMap } from './oldest-first-map.js';
export {
  type BrokerOptions,
  type ResolvedBrokerOptions,
  resolveBrokerOptions,
  type StreamOptions,
} from './options.js';
export { MAX_PARTITIONS, Partitioning, partitionName, partitionOf, type StreamScope } from './partitions.js';
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
} from './position.js';
export { explainRedisFailure } from './redis/explain-failure.js';
export { createRedisBroker } from './redis/redis-broker.js';
export { connectRedis, type RedisCommands, type RedisCommandsOptions } from './redis/redis-commands.js';
export type { RedisBrokerOptions } from './redis/redis-options.js';
export { parseRedisUrl, type RedisUrl } from './redis/redis-url.js';
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
} from './windows.js';

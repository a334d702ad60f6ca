// Public exports of `@millrace/contract`.
export { type Static, Type } from 'typebox';
export { eventCatalog } from './built-in/event-catalog.js';
export {
  type AnyCatalog,
  type Catalog,
  type DeclarationOf,
  defineCatalog,
  type EventOf,
  type EventTypeName,
  type PayloadOf,
  type ReceivedEvent,
} from './catalog/catalog.js';
export {
  type CoalescingRule,
  type EndsCoalescingRule,
  type EventTypeDeclaration,
  type IndicatedUser,
  type IndicatorRule,
  LANES,
  type Lane,
  type OpenPayloads,
  RETENTIONS,
  type ReplayRule,
  type Retention,
  type StreamDeclaration,
} from './catalog/declaration.js';
export { defineEventType, defineStream } from './catalog/define.js';
export { type ActualType, describeIssue, describeIssues, type Issue, MAX_ISSUES } from './checks/issue.js';
export { checked, type NamedCheck } from './checks/named-check.js';
export type { ParseFailure, ParseResult, ParseSuccess } from './checks/parse-result.js';
export { isReadable, MAX_NESTING } from './checks/unreadable.js';
export {
  AS_OF_FIELD,
  type Coalescing,
  createCoalescing,
  type FoldResult,
  type SlotKey,
} from './coalescing.js';
export { CONTRACT_ERROR_CODES, ContractError, type ContractErrorCode } from './contract-error.js';
export {
  CONTROL_EVENT_TYPE,
  type Control,
  type ControlStamp,
  type EraseControl,
  type ErasedEntry,
  encodeControlEntry,
  type IgnoredControl,
  isControl,
  MAX_ERASED_ENTRIES,
  type MembersControl,
  readControlEntry,
  type SignOutControl,
} from './event/control-entry.js';
export { type EventMetadata, eventMetadata, type StreamEvent } from './event/envelope.js';
export { type RevocationSubject, readRevocationName, revocationName } from './event/revocation-name.js';
export {
  type EntryFields,
  MAX_EVENT_BYTES,
  PUBLISHED_FIELD,
  type WrittenTexts,
} from './event/stream-entry.js';
export {
  type Indicator,
  indicatorsOf,
  showsIndicator,
} from './indicator.js';
export { namesPerson } from './persons.js';
export {
  type FieldSchemaOptions,
  nonEmptyList,
  optional,
  positiveInteger,
  roomId,
  timestamp,
  uuid,
  uuidV4,
} from './schema/field-schemas.js';
export {
  createJsonSchemas,
  type EventSchema,
  type JsonSchema,
  type JsonSchemaOptions,
  type JsonSchemas,
} from './schema/json-schema.js';
export { comparableId, type EventIdRule, isEventId, MAX_EVENT_ID_BYTES } from './text/event-id-rule.js';
export { hasUtcOffset, isTimestamp, MAX_TIMESTAMP_CHARS, normalizeTimestamp } from './text/iso-timestamp.js';
export { itemTexts, memberTexts } from './text/json-scan.js';
export { compareTimestamps, timestampToMs } from './text/rfc3339.js';
export {
  broadcastRoomOf,
  CONTROL_ROOM,
  controlRoomWhere,
  EVERYBODY_ROOM,
  isBroadcastRoom,
  isControlRoom,
  isRoomId,
  MAX_ROOM_ID_BYTES,
  tenantOfBroadcastRoom,
} from './text/room-id.js';
export { isUserId } from './text/user-id.js';
export { isUuid, isUuidV4 } from './text/uuid.js';

// Public exports of `@millrace/contract`.
export { type Static, Type } from 'typebox';
export { type AsyncApiDocument, type AsyncApiInfo, createAsyncApiDocument } from './asyncapi.js';
export {
  type AnyCatalog,
  type Catalog,
  type DeclarationOf,
  defineCatalog,
  type EventOf,
  type EventTypeName,
  type PayloadOf,
  type ReceivedEvent,
} from './catalog.js';
export {
  AS_OF_FIELD,
  type Coalescing,
  createCoalescing,
  type FoldResult,
  type SlotKey,
} from './coalescing.js';
export { CONTRACT_ERROR_CODES, ContractError, type ContractErrorCode } from './contract-error.js';
export {
  type CoalescingRule,
  type EndsCoalescingRule,
  type EventTypeDeclaration,
  type IndicatedUser,
  type IndicatorRule,
  LANES,
  type Lane,
  type OpenPayloads,
  type ReplayRule,
  type StreamDeclaration,
} from './declaration.js';
export { defineEventType, defineStream } from './define.js';
export { type EntryFields, MAX_EVENT_BYTES, type WrittenTexts } from './entry.js';
export { type EventMetadata, eventMetadata, type StreamEvent } from './envelope.js';
export { eventCatalog } from './event-catalog.js';
export { type EventIdRule, isEventId, MAX_EVENT_ID_BYTES } from './event-id-rule.js';
export {
  type Indicator,
  indicatorsOf,
  showsIndicator,
  userKey,
} from './indicator.js';
export { hasUtcOffset, isTimestamp, MAX_TIMESTAMP_CHARS, normalizeTimestamp } from './iso-timestamp.js';
export { type ActualType, describeIssue, describeIssues, type Issue, MAX_ISSUES } from './issue.js';
export { itemTexts } from './json-scan.js';
export {
  createJsonSchemas,
  type JsonSchema,
  type JsonSchemaOptions,
  type JsonSchemas,
} from './json-schema.js';
export { checked, type NamedCheck } from './named-check.js';
export { createOpenApiDocument, type OpenApiDocument, type OpenApiOptions } from './openapi.js';
export type { ParseFailure, ParseResult, ParseSuccess } from './parse-result.js';
export { isRoomId, MAX_ROOM_ID_BYTES } from './room-id-text.js';
export {
  nonEmptyList,
  optional,
  type PieceOptions,
  positiveInteger,
  roomId,
  timestamp,
  uuid,
  uuidV4,
} from './schema-pieces.js';
export { compareTimestamps, timestampToMs } from './timestamp-text.js';
export { MAX_NESTING } from './unreadable.js';
export { isUuid, isUuidV4 } from './uuid-text.js';

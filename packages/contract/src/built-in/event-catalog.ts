// The built-in catalog: the nine event types and four streams of the data model. Applications make their own catalogs in the same
// way, and can include these types.
import { defineCatalog } from '../catalog/catalog.js';
import type { IndicatedUser } from '../catalog/declaration.js';
import { defineEventType, defineStream } from '../catalog/define.js';
import { isUuid } from '../text/uuid.js';
import {
  anyObject,
  assignmentChangePayload,
  chatMessagePayload,
  notificationPayload,
  openChatMessagePayload,
  readReceiptPayload,
  remoteSessionEndPayload,
  remoteSessionStartPayload,
  statusChangePayload,
  typingStartPayload,
  typingStopPayload,
} from './payloads.js';

const COALESCING_WINDOW_MS = 100;
const STALE_AFTER_MS = 300_000;
const TYPING = 'typing';
const TYPING_EXPIRES_AFTER_MS = 10_000;
// Maximum number of message IDs in a merged receipt. This number of IDs takes about 40 kB of JSON, a sixth of the maximum size of
// an event.
const MAX_UNITED_IDS = 1_000;

const streams = [
  defineStream({ name: 'events:chat', maxLength: 10_000 }),
  defineStream({ name: 'events:ticket', maxLength: 5_000 }),
  defineStream({ name: 'events:notification', maxLength: 5_000 }),
  defineStream({ name: 'events:remote', maxLength: 1_000 }),
] as const;

/**
 * Returns the reader's ID if a receipt has the recommended fields, otherwise `undefined`. A receipt without these fields has no
 * key, and is never merged.
 */
function byReader(payload: {
  readonly user_id?: unknown;
  readonly message_ids?: unknown;
}): string | undefined {
  const { user_id, message_ids } = payload;
  const isKnown =
    typeof user_id === 'string' &&
    isUuid(user_id) &&
    Array.isArray(message_ids) &&
    message_ids.length > 0 &&
    message_ids.every((id: unknown) => typeof id === 'string' && isUuid(id));
  return isKnown ? user_id.toLowerCase() : undefined;
}

/** Merges two lists of message IDs and drops repeated IDs. Each ID keeps the place where it first occurs. */
function uniteIds(earlier: readonly string[], later: readonly string[]): string[] {
  const united = new Map<string, string>();
  for (const id of [...earlier, ...later]) {
    const comparable = id.toLowerCase();
    if (!united.has(comparable)) united.set(comparable, id);
  }
  return [...united.values()];
}

/**
 * Merges two receipts. Returns `undefined` if the two receipts together contain more than
 * {@link MAX_UNITED_IDS} message IDs.
 */
function uniteReceipts<Receipt extends { readonly message_ids: readonly string[] }>(
  earlier: Receipt,
  later: Receipt,
): Receipt | undefined {
  if (earlier.message_ids.length + later.message_ids.length > MAX_UNITED_IDS) return undefined;
  return { ...later, message_ids: uniteIds(earlier.message_ids, later.message_ids) };
}

const chatMessage = defineEventType({
  name: 'chat_message',
  description: 'A new chat message.',
  payload: chatMessagePayload,
  openPayload: openChatMessagePayload,
  stream: 'events:chat',
  lane: 'high',
  maxAgeMs: null,
  replay: { mode: 'all' },
  endsCoalescing: { slot: TYPING, key: (payload) => payload.sender_id?.toLowerCase() },
  persons: ['sender_id', 'sender.id'],
});

/**
 * The indicator that shows which users are typing. It expires ten seconds after a user's last typing event. If a user has several
 * typing events in one coalescing window, only the last one is published.
 */
const typingIndicator = {
  name: TYPING,
  user: ({ user_id, username }: IndicatedUser): IndicatedUser => ({ user_id, username }),
  expiresAfterMs: TYPING_EXPIRES_AFTER_MS,
  windowMs: COALESCING_WINDOW_MS,
};

const typingStart = defineEventType({
  name: 'typing_start',
  description: 'A user started typing.',
  payload: typingStartPayload,
  stream: 'events:chat',
  lane: 'low',
  maxAgeMs: STALE_AFTER_MS,
  replay: { mode: 'none' },
  indicator: {
    ...typingIndicator,
    isShown: true,
    payload: (user) => ({ ...user, is_typing: true as const }),
  },
  persons: ['user_id'],
});

const typingStop = defineEventType({
  name: 'typing_stop',
  description: 'A user stopped typing.',
  payload: typingStopPayload,
  stream: 'events:chat',
  lane: 'low',
  maxAgeMs: STALE_AFTER_MS,
  replay: { mode: 'none' },
  indicator: {
    ...typingIndicator,
    isShown: false,
    payload: (user) => ({ ...user, is_typing: false as const }),
  },
  persons: ['user_id'],
});

const readReceipt = defineEventType({
  name: 'read_receipt',
  description: 'A user read messages.',
  payload: readReceiptPayload,
  openPayload: anyObject,
  stream: 'events:chat',
  lane: 'low',
  maxAgeMs: STALE_AFTER_MS,
  replay: { mode: 'latest', key: byReader },
  coalescing: {
    slot: 'read_receipt',
    windowMs: COALESCING_WINDOW_MS,
    key: byReader,
    merge: uniteReceipts,
  },
  persons: ['user_id'],
});

const statusChange = defineEventType({
  name: 'status_change',
  description: 'The status of a ticket changed.',
  payload: statusChangePayload,
  stream: 'events:ticket',
  lane: 'high',
  maxAgeMs: null,
  replay: { mode: 'all' },
  persons: ['changed_by'],
});

const assignmentChange = defineEventType({
  name: 'assignment_change',
  description: 'A ticket was assigned, reassigned or unassigned.',
  payload: assignmentChangePayload,
  openPayload: anyObject,
  stream: 'events:ticket',
  lane: 'high',
  maxAgeMs: null,
  replay: { mode: 'all' },
  persons: ['assignee_id', 'assigned_by'],
});

const notification = defineEventType({
  name: 'notification',
  description: 'A notification for the users in a room.',
  payload: notificationPayload,
  openPayload: anyObject,
  stream: 'events:notification',
  lane: 'medium',
  maxAgeMs: STALE_AFTER_MS,
  replay: { mode: 'all' },
});

const remoteSessionStart = defineEventType({
  name: 'remote_session_start',
  description: 'A remote session began.',
  payload: remoteSessionStartPayload,
  openPayload: anyObject,
  stream: 'events:remote',
  lane: 'high',
  maxAgeMs: null,
  replay: { mode: 'all' },
  persons: ['agent_id', 'requester_id'],
});

const remoteSessionEnd = defineEventType({
  name: 'remote_session_end',
  description: 'A remote session ended.',
  payload: remoteSessionEndPayload,
  openPayload: anyObject,
  stream: 'events:remote',
  lane: 'high',
  maxAgeMs: null,
  replay: { mode: 'all' },
  persons: ['agent_id', 'requester_id'],
});

/**
 * The nine event types and four streams of the data model. Events in the lanes `low` and `medium` become
 * stale after 5 minutes. Stale events are not sent to clients. Events in the lane `high` never become stale.
 *
 * A payload that the data model leaves open may be any JSON object. To check open payloads against their
 * recommended fields, use `defineCatalog({ ...eventCatalog, openPayloads: 'recommended' })`.
 * @beta
 */
export const eventCatalog = /* @__PURE__ */ defineCatalog({
  streams,
  eventTypes: [
    chatMessage,
    typingStart,
    typingStop,
    readReceipt,
    statusChange,
    assignmentChange,
    notification,
    remoteSessionStart,
    remoteSessionEnd,
  ],
});

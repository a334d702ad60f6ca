// The only place that builds keys. Every key that belongs to a stream has the stream's name as its hash tag,
// and a name without braces is hashed as a whole. All keys of one stream thus have one slot, and one script may touch
// them. A coalescing window has a key of its own, in a slot of its own.
import { createHash } from 'node:crypto';
import type { WindowName } from '../port/windows.js';

/** Every key that belongs to one stream. */
export interface StreamKeys {
  /** STREAM: the entries, and the consumer group. */
  readonly stream: string;
  /** HASH subscriber → `cursor|heartbeatMs|advancedMs`. */
  readonly cursors: string;
  /**
   * HASH owner, fence, expiresMs, pulseMs, graceUntilMs; aheadId, aheadMs, agedId while IDs lie ahead of the clock. Has no TTL: the
   * fence must outlive the lease.
   */
  readonly lease: string;
  /**
   * HASH value, lastId, entriesAdded, runId: the epoch, how far the stream had come when last looked at, and on which
   * server (mark: the same for users who may not send INFO, see `restart-markers.ts`); former, upTo: the previous epoch, and the entry up to
   * which it is the same as this one.
   */
  readonly epoch: string;
  /** STREAM: rejected entries. */
  readonly dead: string;
  /** STRING: how many partitions the stream has, where it is one that was declared. */
  readonly partitions: string;
  /** STRING: entries ever cut before they were acknowledged. */
  readonly expired: string;
  /** STRING with TTL: the entry ID under which this `dedupeId` was appended. */
  dedupe(dedupeId: string): string;
  /** STRING with TTL: this entry was rejected already. */
  deadMark(entryId: string): string;
}

/** The keys of `stream`. */
export function streamKeys(stream: string): StreamKeys {
  const dedupePrefix = `dedupe:{${stream}}:`;
  const deadMarkPrefix = `deadmark:{${stream}}:`;
  return {
    stream,
    cursors: `cursors:{${stream}}`,
    lease: `lease:{${stream}}`,
    epoch: `epoch:{${stream}}`,
    dead: `dead:{${stream}}`,
    partitions: `partitions:{${stream}}`,
    expired: `expired:{${stream}}`,
    dedupe: (dedupeId) => dedupePrefix + dedupeId,
    deadMark: (entryId) => deadMarkPrefix + entryId,
  };
}

/** HASH subscriber → `expiresMs|length|names as JSON`: the event types that live gateways can read. Has a TTL. */
export function typesKey(group: string): string {
  return `types:{${group}}`;
}

/** HASH slot number → `expiresMs|owner`. */
export function slotsKey(group: string): string {
  return `slots:{${group}}`;
}

/** STRING: the layout of all data in this Redis, see `layout.ts`; it is missing while that is the first one. */
export function layoutKey(group: string): string {
  return `layout:{${group}}`;
}

/** STRING with TTL: a count, see `scripts/counters.ts`. Names are any text, so the key holds their digest. */
export function counterKey(name: string): string {
  return `count:${createHash('sha1').update(name).digest('hex')}`;
}

/** HASH: the coalescing window of a slot of a room, see `scripts/windows.ts`. */
export function windowKey({ roomId, slot }: WindowName): string {
  return `coalesce:${escapeRoom(roomId)}:${slot}`;
}

/**
 * Braces would make a part of the room's name the key's hash tag, so they are written as in a URL, and with them the percent
 * sign. Rooms without braces stay as they are, but for those that look like an escaped one.
 */
function escapeRoom(roomId: string): string {
  if (!/[{}]|%(?:25|7B|7D)/.test(roomId)) return roomId;
  return roomId.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D');
}

function unescapeRoom(escaped: string): string {
  return escaped.replaceAll('%7B', '{').replaceAll('%7D', '}').replaceAll('%25', '%');
}

/** ZSET window key → due time in ms: the windows of a slot that are open. */
export function windowIndexKey(slot: string): string {
  return `coalesce-due:${slot}`;
}

/** The window that has this key; `undefined` when it is no window's. */
export function windowNameOf(key: string): WindowName | undefined {
  const [, roomId, slot] = /^coalesce:(.+):([a-z][a-z0-9_-]*)$/s.exec(key) ?? [];
  return roomId === undefined || slot === undefined ? undefined : { roomId: unescapeRoom(roomId), slot };
}

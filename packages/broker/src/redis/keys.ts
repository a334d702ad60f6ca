// Builds all Redis keys; no other file builds keys. All keys of one stream hash to the same slot, because the
// stream's name has no braces and is the hash tag of its other keys. Therefore one script may access all keys
// of a stream. Each coalescing window has its own key, usually in another slot.
import { createHash } from 'node:crypto';
import type { WindowName } from '../port/windows.js';

/** Every key that belongs to one stream. */
export interface StreamKeys {
  /** STREAM: the entries, and the consumer group. */
  readonly stream: string;
  /**
   * HASH: subscriber → `cursor|heartbeatMs|advancedMs`. `advancedMs` is the time at which the cursor last moved, or was at the end
   * of the stream.
   */
  readonly cursors: string;
  /**
   * HASH with the lease (`owner`, `fence`, `expiresMs`) and the times by which pauses of Redis are noticed
   * (`pulseMs`, `graceUntilMs`). While entry IDs are ahead of the clock, it also has `aheadId`, `aheadMs` and
   * `agedId`. The hash has no TTL, because the fence must outlive the lease.
   */
  readonly lease: string;
  /**
   * HASH with the stream's epoch (`value`) and the state of the stream when it was last checked: the newest ID (`lastId`), the
   * number of entries ever appended (`entriesAdded`) and the run of the server (`runId`). If the user may not send INFO, `mark`
   * identifies the run instead; see `restart-markers.ts`. `former` is the previous epoch. Up to the entry `upTo`, both epochs have
   * the same entries.
   */
  readonly epoch: string;
  /** STREAM: rejected entries. */
  readonly dead: string;
  /** STRING: the number of partitions. Exists only for declared streams. */
  readonly partitions: string;
  /** STRING: the number of entries that were ever removed before they were acknowledged. */
  readonly expired: string;
  /** STRING with TTL: the entry ID under which this `dedupeId` was appended. */
  dedupe(dedupeId: string): string;
  /** STRING with TTL: exists if this entry was rejected. */
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

/** HASH with TTL: subscriber → `expiresMs|length|names as JSON`. The names are the event types that live gateways can read. */
export function typesKey(group: string): string {
  return `types:{${group}}`;
}

/** HASH: slot number → `expiresMs|length of the instance|instance|owner`. */
export function slotsKey(group: string): string {
  return `slots:{${group}}`;
}

/** STRING: the number of the layout of all data in this Redis; see `layout.ts`. The key does not exist for layout 1. */
export function layoutKey(group: string): string {
  return `layout:{${group}}`;
}

/** STRING with TTL: a count, see `scripts/counters.ts`. The key contains a digest of the name, because a name may be any text. */
export function counterKey(name: string): string {
  return `count:${createHash('sha1').update(name).digest('hex')}`;
}

/** HASH: the coalescing window of one slot in one room; see `scripts/windows.ts`. */
export function windowKey({ roomId, slot }: WindowName): string {
  return `coalesce:${escapeRoom(roomId)}:${slot}`;
}

/**
 * Escapes braces and percent signs as in a URL, because Redis would take the text between braces as the hash
 * tag. A room ID without braces, `%25`, `%7B` and `%7D` stays unchanged.
 */
function escapeRoom(roomId: string): string {
  if (!/[{}]|%(?:25|7B|7D)/.test(roomId)) return roomId;
  return roomId.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D');
}

function unescapeRoom(escaped: string): string {
  return escaped.replaceAll('%7B', '{').replaceAll('%7D', '}').replaceAll('%25', '%');
}

/** ZSET: window key → due time in ms. Contains the open windows of a slot. */
export function windowIndexKey(slot: string): string {
  return `coalesce-due:${slot}`;
}

/** Returns the window with this key, or `undefined` if the key does not belong to a window. */
export function windowNameOf(key: string): WindowName | undefined {
  const [, roomId, slot] = /^coalesce:(.+):([a-z][a-z0-9_-]*)$/s.exec(key) ?? [];
  return roomId === undefined || slot === undefined ? undefined : { roomId: unescapeRoom(roomId), slot };
}

// Control entries: entries that tell gateways to do something at this place of the stream. Clients do not receive them as
// events. To a program that does not know them, a control entry is a harmless `typing_stop` of nobody in a room without
// members.
import { isControlRoom } from '../text/room-id.js';
import type { EntryFields } from './stream-entry.js';

/** The event type of every control entry, for programs that do not know control entries. @beta */
export const CONTROL_EVENT_TYPE = 'typing_stop';

const CONTROL_FIELD = 'control';
const VERSION = 1;
/** Maximum number of entries that one {@link EraseControl} erases. @beta */
export const MAX_ERASED_ENTRIES = 100;

/** An entry that is erased. @beta */
export interface ErasedEntry {
  /** ID of the entry in the stream of the control entry. */
  readonly id: string;
  /** ID of the event. Left out if clients never keep events of this type. They then need not learn of the erasure. */
  readonly eventId?: string;
}

/** Erases earlier entries of the stream. After this entry, gateways neither deliver nor replay them. @beta */
export interface EraseControl {
  readonly kind: 'erase';
  /** The room of all erased entries. */
  readonly roomId: string;
  /** 1 to {@link MAX_ERASED_ENTRIES} entries. */
  readonly entries: readonly ErasedEntry[];
}

/** Removes a user from a room, or adds the user again. The user is not sent later entries of this stream in between. @beta */
export interface MembersControl {
  readonly kind: 'members';
  readonly roomId: string;
  readonly userId: string;
  readonly change: 'remove' | 'add';
  /** Time for which a removal lasts if the user is not added again, in milliseconds. */
  readonly keepMs: number;
  /** See {@link SignOutControl.changedMs}. */
  readonly changedMs?: number;
}

/** Signs a user out: connections are closed, and tokens that were issued before are refused. @beta */
export interface SignOutControl {
  readonly kind: 'sign_out';
  readonly userId: string;
  /** Time for which tokens are refused, in milliseconds. */
  readonly keepMs: number;
  /**
   * Time of the change in milliseconds since 1970, if it is not that of the entry: the entry was stored again after the stream was
   * lost. Tokens that were issued since a sign-out are valid.
   */
  readonly changedMs?: number;
}

/** The content of a control entry, by its `kind`. @beta */
export type Control = EraseControl | MembersControl | SignOutControl;

/** A control entry that this build does not know, and ignores. @beta */
export interface IgnoredControl {
  /**
   * `version`: a later build wrote the entry in another version. `kind`: a later build wrote an entry of an unknown kind.
   * `malformed`: no build of Millrace wrote the entry.
   */
  readonly ignored: 'version' | 'kind' | 'malformed';
}

/**
 * The fields of a control entry that only programs without control entries read. They must be valid for these programs.
 * @beta
 */
export interface ControlStamp {
  /** A new UUID v4. */
  readonly eventId: string;
  /** A new UUID v4. */
  readonly userId: string;
  /** The present time, in RFC 3339. */
  readonly timestamp: string;
  /** A control room that belongs to the stream. See {@link controlRoomWhere}. */
  readonly roomId: string;
}

/** Returns the JSON of a control entry without version and kind. */
function jsonOf(control: Control): Readonly<Record<string, unknown>> {
  if (control.kind === 'erase')
    return {
      room_id: control.roomId,
      entries: control.entries.map(({ id, eventId }) =>
        eventId === undefined ? { id } : { id, event_id: eventId },
      ),
    };
  if (control.kind === 'sign_out') {
    const { userId, keepMs } = control;
    return { user_id: userId, keep_ms: keepMs, ...changedJson(control) };
  }
  const { roomId, userId, change, keepMs } = control;
  return { room_id: roomId, user_id: userId, change, keep_ms: keepMs, ...changedJson(control) };
}

function changedJson({ changedMs }: MembersControl | SignOutControl): { readonly changed_ms?: number } {
  return changedMs === undefined ? {} : { changed_ms: changedMs };
}

/** Reads the JSON of each kind. Returns `undefined` if its form is wrong. Ignores members that a later build added. */
const readers: {
  readonly [Kind in Control['kind']]: (json: Readonly<Record<string, unknown>>) => Control | undefined;
} = { erase: readErase, members: readMembers, sign_out: readSignOut };

function readMembers({
  room_id: roomId,
  user_id: userId,
  change,
  keep_ms: keepMs,
  changed_ms: changedMs,
}: Readonly<Record<string, unknown>>): MembersControl | undefined {
  if (typeof roomId !== 'string' || typeof userId !== 'string' || !isDuration(keepMs)) return undefined;
  if (change !== 'remove' && change !== 'add') return undefined;
  return { kind: 'members', roomId, userId, change, keepMs, ...(isDuration(changedMs) && { changedMs }) };
}

function readSignOut({
  user_id: userId,
  keep_ms: keepMs,
  changed_ms: changedMs,
}: Readonly<Record<string, unknown>>): SignOutControl | undefined {
  if (typeof userId !== 'string' || !isDuration(keepMs)) return undefined;
  return { kind: 'sign_out', userId, keepMs, ...(isDuration(changedMs) && { changedMs }) };
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function readErase({
  room_id: roomId,
  entries,
}: Readonly<Record<string, unknown>>): EraseControl | undefined {
  if (typeof roomId !== 'string' || !Array.isArray(entries)) return undefined;
  const read = entries.map(readErasedEntry);
  const known = read.filter((entry) => entry !== undefined);
  return known.length === read.length ? { kind: 'erase', roomId, entries: known } : undefined;
}

function readErasedEntry(value: unknown): ErasedEntry | undefined {
  if (!isObject(value)) return undefined;
  const { id, event_id: eventId } = value;
  if (typeof id !== 'string' || !/^\d{1,20}-\d{1,20}$/.test(id)) return undefined;
  if (eventId === undefined) return { id };
  return typeof eventId === 'string' ? { id, eventId } : undefined;
}

/** Converts a control entry to the fields of a stream entry. @beta */
export function encodeControlEntry(control: Control, stamp: ControlStamp): Record<string, string> {
  return {
    event_id: stamp.eventId,
    event_type: CONTROL_EVENT_TYPE,
    timestamp: stamp.timestamp,
    room_id: stamp.roomId,
    payload: JSON.stringify({ user_id: stamp.userId, username: '', is_typing: false }),
    [CONTROL_FIELD]: JSON.stringify({ v: VERSION, kind: control.kind, ...jsonOf(control) }),
  };
}

/**
 * Reads a control entry. Returns `undefined` for any other entry. Call this before an entry of a stream is used in another
 * way. Never throws.
 * @beta
 */
export function readControlEntry(fields: EntryFields): Control | IgnoredControl | undefined {
  if (!isControlRoom(fields['room_id'] ?? '')) return undefined;
  const json = readJson(fields[CONTROL_FIELD] ?? '');
  if (!isObject(json) || typeof json['v'] !== 'number' || typeof json['kind'] !== 'string')
    return { ignored: 'malformed' };
  if (json['v'] !== VERSION) return { ignored: 'version' };
  const { kind } = json;
  if (!isKnownKind(kind)) return { ignored: 'kind' };
  return readers[kind](json) ?? { ignored: 'malformed' };
}

/** True for a control entry that this build follows. @beta */
export function isControl(reading: Control | IgnoredControl): reading is Control {
  return 'kind' in reading;
}

function isKnownKind(kind: string): kind is Control['kind'] {
  return Object.hasOwn(readers, kind);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A text that is not JSON is handled like one of a wrong form.
    return undefined;
  }
}

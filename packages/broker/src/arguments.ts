// Checks the arguments of calls, with the same rules for every broker. A wrong argument is a programming error, so it is
// reported before a call is sent to the store.
import { objectWith } from '@millrace/internal';
import { type EntryId, isEntryId } from './entries/entry-id.js';
import { BrokerError } from './errors.js';
import type { Partitioning } from './partitions/partitioning.js';
import type { OutgoingEntry, RangeOptions, ReadOptions } from './port/entry-log.js';
import type { Erasure } from './port/erasure-store.js';
import { PRESENCE_LIMITS, type PresenceEdit } from './port/presence.js';
import { REVOCATION_LIMITS, type RevocationChange } from './port/revocations.js';
import type { WindowInput, WindowName } from './port/windows.js';

/** Maximum number of fields of one entry. Lua can pass only a few thousand arguments in one call. */
export const MAX_FIELDS = 1_000;
/** Maximum length of a dedupe ID, a subscriber name or a consumer name, in characters. */
export const MAX_NAME_CHARS = 256;
/** Maximum number of items in one call: entries to append or to read, IDs, or inputs of a window. */
export const MAX_COUNT = 1_000;

/** Maximum time for which a revocation is kept: ten years. */
const MAX_KEEP_MS = 315_576_000_000;

/**
 * @throws BrokerError `invalid_argument` unless there are 1 to 1000 entries, and each of them can be appended
 */
export function checkOutgoingEntries(entries: readonly OutgoingEntry[]): void {
  checkCount(entries.length);
  for (const { fields, dedupeId, ends } of entries) {
    if (dedupeId !== undefined) checkName('dedupeId', dedupeId);
    if (ends !== undefined) checkWindowName(ends.window);
    let count = 0;
    for (const name of Object.keys(fields)) {
      const value: unknown = fields[name];
      if (typeof value !== 'string') throw invalid(`field ${name} must be a string, not ${typeof value}`);
      count += 1;
    }
    if (count === 0 || count > MAX_FIELDS) throw invalid(`an entry must have 1 to ${MAX_FIELDS} fields`);
  }
}

/** @throws BrokerError `invalid_argument` unless `name` is a string of 1 to 256 characters */
export function checkName(what: string, name: string): void {
  if (typeof name !== 'string' || name.length === 0 || name.length > MAX_NAME_CHARS) {
    throw invalid(`${what} must be a string of 1 to ${MAX_NAME_CHARS} characters`);
  }
}

/** @throws BrokerError `invalid_argument` unless `count` is a whole number from 1 to 1000 */
export function checkCount(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT)
    throw invalid(`count must be 1 to ${MAX_COUNT}`);
}

/** @throws BrokerError `invalid_argument` unless `id` is a complete entry ID */
export function checkEntryId(id: EntryId): void {
  if (!isEntryId(id))
    throw invalid(`an entry ID must read milliseconds-sequence, which ${JSON.stringify(id)} does not`);
}

/** @throws BrokerError `invalid_argument` unless there are 1 to 1000 IDs and each is a complete entry ID */
export function checkEntryIds(ids: readonly EntryId[]): void {
  checkCount(ids.length);
  for (const id of ids) checkEntryId(id);
}

/**
 * @throws BrokerError `invalid_argument` unless there are at most 1000 entry IDs and dedupe IDs, and a control entry if there are
 * entry IDs
 */
export function checkErasure({ control, ids, dedupeIds }: Erasure): void {
  if (control === undefined) {
    if (ids.length > 0) throw invalid('an erasure of entries needs a control entry');
  } else {
    checkEntryIds(ids);
    checkOutgoingEntries([{ fields: control }]);
  }
  if (dedupeIds.length > MAX_COUNT) throw invalid(`an erasure may have at most ${MAX_COUNT} dedupe IDs`);
  for (const id of dedupeIds) checkName('dedupeId', id);
}

/** @throws BrokerError `invalid_argument` unless `count` is 1 to 1000 and the given IDs are complete entry IDs */
export function checkRange({ after, upTo, count }: RangeOptions): void {
  checkCount(count);
  if (after !== undefined) checkEntryId(after);
  if (upTo !== undefined) checkEntryId(upTo);
}

/** @throws BrokerError `invalid_argument` unless `count`, `blockMs`, every stream and every cursor are valid */
export function checkRead(
  partitioning: Partitioning,
  cursors: ReadonlyMap<string, EntryId>,
  read: ReadOptions,
): void {
  checkCount(read.count);
  if (!Number.isInteger(read.blockMs) || read.blockMs < 0)
    throw invalid('blockMs must be a whole number from 0');
  for (const [stream, cursor] of cursors) {
    checkStream(partitioning, stream);
    checkEntryId(cursor);
  }
}

/** @throws BrokerError `invalid_argument` when the broker does not have this stream */
export function checkStream(partitioning: Partitioning, stream: string): void {
  if (!partitioning.has(stream)) throw unknownStream(stream);
}

/** The error for a stream that the broker does not have. */
export function unknownStream(stream: string): BrokerError {
  return invalid(`stream ${JSON.stringify(stream)} is unknown: name it in the broker's option streams`);
}

/**
 * @throws BrokerError `invalid_argument` unless `slot` is valid and `roomId` is a string of 1 to 256 bytes without control characters
 */
export function checkWindowName({ roomId, slot }: WindowName): void {
  const isRoom =
    typeof roomId === 'string' && roomId.length > 0 && Buffer.byteLength(roomId) <= MAX_NAME_CHARS;
  if (!isRoom || /[\p{Cc}\p{Cs}]/u.test(roomId))
    throw invalid('roomId of a window must be 1 to 256 bytes without control characters');
  checkWindowSlot(slot);
}

/**
 * @throws BrokerError `invalid_argument` unless `slot` has 1 to 64 characters of `a-z`, `0-9`, `_` and `-`, and begins with `a-z`
 */
export function checkWindowSlot(slot: string): void {
  if (!/^[a-z][a-z0-9_-]{0,63}$/.test(slot))
    throw invalid('slot of a window must be 1 to 64 of a-z, 0-9, _ and -, beginning with a-z');
}

/** @throws BrokerError `invalid_argument` unless there are 1 to 1000 inputs, each with a valid ID and a text of one line */
export function checkWindowInputs(inputs: readonly WindowInput[]): void {
  checkCount(inputs.length);
  for (const { id, text } of inputs) {
    checkName('id', id);
    if (text.includes('\n')) throw invalid('text of a window input must be one line');
  }
}

/** @throws BrokerError `invalid_argument` unless the name and the time are valid and the entry can be appended */
export function checkRevocationChange({ name, fields, keepMs, lostChangedMs = 0 }: RevocationChange): void {
  checkRevocationName(name);
  checkOutgoingEntries([{ fields }]);
  if (!Number.isInteger(keepMs) || keepMs < 1 || keepMs > MAX_KEEP_MS)
    throw invalid(`keepMs must be a whole number from 1 to ${MAX_KEEP_MS}`);
  if (!Number.isSafeInteger(lostChangedMs) || lostChangedMs < 0)
    throw invalid('lostChangedMs must be a time in whole milliseconds since 1970');
}

/** @throws BrokerError `invalid_argument` unless `name` is a string of 1 to 2,048 characters */
export function checkRevocationName(name: string): void {
  const { maxNameChars } = REVOCATION_LIMITS;
  if (typeof name !== 'string' || name.length === 0 || name.length > maxNameChars)
    throw invalid(`the name of a revocation must be a string of 1 to ${maxNameChars} characters`);
}

/** The error for a stream with the maximum number of revocations. */
export function tooManyRevocations(stream: string): BrokerError {
  const { maxPerStream } = REVOCATION_LIMITS;
  return new BrokerError(
    'overloaded',
    `${stream} has ${maxPerStream} revocations, the maximum: keep them for a shorter time`,
  );
}

/** The rule for an option that is a clock. */
export const CLOCK_RULE = objectWith(['wallMs', 'monotonicMs', 'startTimer']);

/** Creates a `BrokerError` with the code `invalid_argument`. */
export function invalid(message: string): BrokerError {
  return new BrokerError('invalid_argument', message);
}

/** Maximum length of a user's ID in presence, in characters. */
const MAX_USER_CHARS = 1_024;

/** @throws BrokerError `invalid_argument` unless there are 1 to 500 edits, each with a valid user, key and texts of one line */
export function checkPresenceEdits(edits: readonly PresenceEdit[]): void {
  if (edits.length === 0 || edits.length > PRESENCE_LIMITS.maxEdits)
    throw invalid(`a write of presence must have 1 to ${PRESENCE_LIMITS.maxEdits} edits`);
  for (const edit of edits) {
    checkPresentUser(edit.user);
    const key = 'removedKey' in edit ? edit.removedKey : edit.connection.key;
    if (!/^[\w-]{1,64}$/.test(key))
      throw invalid('key of a connection must be 1 to 64 of A-Z, a-z, 0-9, _ and -');
    if ('removedKey' in edit) continue;
    const { state, about, enteredMs, stateMs } = edit.connection;
    if (/[\n\t]/.test(state + about))
      throw invalid('state and about must be JSON texts without line feeds and tabs');
    if (!Number.isSafeInteger(enteredMs) || !Number.isSafeInteger(stateMs) || enteredMs < 0 || stateMs < 0)
      throw invalid('enteredMs and stateMs must be whole numbers from 0');
  }
}

/** @throws BrokerError `invalid_argument` unless the ID is a string of 1 to 1024 characters */
export function checkPresentUser(user: string): void {
  if (typeof user !== 'string' || user.length === 0 || user.length > MAX_USER_CHARS)
    throw invalid(`user must be a string of 1 to ${MAX_USER_CHARS} characters`);
}

/** @throws BrokerError `invalid_argument` unless `room` is a string of 1 to 256 bytes without control characters */
export function checkPresenceRoom(room: string): void {
  const isRoom = typeof room === 'string' && room.length > 0 && Buffer.byteLength(room) <= MAX_NAME_CHARS;
  if (!isRoom || /[\p{Cc}\p{Cs}]/u.test(room))
    throw invalid('a room must be 1 to 256 bytes without control characters');
}

// Checks the arguments of calls, with the same rules for every broker. A wrong argument is a programming
// error, so the error is reported before a call is sent to the store.
import { objectWith } from '@millrace/internal';
import { type EntryId, isEntryId } from './entries/entry-id.js';
import { BrokerError } from './errors.js';
import type { Partitioning } from './partitions/partitioning.js';
import type { OutgoingEntry, RangeOptions, ReadOptions } from './port/entry-log.js';
import type { WindowInput, WindowName } from './port/windows.js';

/** Maximum number of fields of one entry. The limit exists because Lua can pass only a few thousand arguments in one call. */
export const MAX_FIELDS = 1_000;
/** Maximum length of a dedupe ID, a subscriber name or a consumer name, in characters. */
export const MAX_NAME_CHARS = 256;
/** Maximum number of items in one call: entries to append or to read, IDs, or inputs of a window. */
export const MAX_COUNT = 1_000;

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
      if (typeof value !== 'string') throw invalid(`field ${name} must be text and is ${typeof value}`);
      count += 1;
    }
    if (count === 0 || count > MAX_FIELDS) throw invalid(`an entry must have 1 to ${MAX_FIELDS} fields`);
  }
}

/** @throws BrokerError `invalid_argument` unless `name` is text of 1 to 256 characters */
export function checkName(what: string, name: string): void {
  if (typeof name !== 'string' || name.length === 0 || name.length > MAX_NAME_CHARS) {
    throw invalid(`${what} must be text of 1 to ${MAX_NAME_CHARS} characters`);
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
 * @throws BrokerError `invalid_argument` unless `slot` is valid and `roomId` is text of 1 to 256 bytes without control characters
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

/** The rule for an option that is a clock. */
export const CLOCK_RULE = objectWith(['wallMs', 'monotonicMs', 'startTimer']);

/** Creates a `BrokerError` with the code `invalid_argument`. */
export function invalid(message: string): BrokerError {
  return new BrokerError('invalid_argument', message);
}

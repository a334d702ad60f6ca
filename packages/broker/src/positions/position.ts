// A position records how far a reader has read each of some streams. A position is one short URL-safe text
// that travels with every event. Pure. For each stream, the position has a part `<epoch>-<ms>-<sequence>`
// with numbers in base 36. A sequence of 0 is left out. Dots join the parts. If streams have partitions, the
// scope comes before the parts: `2~…` for the rooms of one scope, `all~…` for every room.
//
// The epoch in a part identifies the stream, because no other stream has the same epoch. Therefore gateways
// whose catalogs list different streams understand each other's positions; see `RoomPositions`. For epochs
// that no stream has any more, see `mayBeEpochOf`.
//
// This form is version 1. This version has no version mark, because version marks were introduced later. A
// later version begins with its number, for example `v2~`, and contains only URL-safe characters. Clients may
// move between gateways of two builds. With this mark, the older build can distinguish a position of the
// later build from garbage.
import { compareEntryIds, type EntryId, isEntryId, splitEntryId } from '../entries/entry-id.js';
import { BrokerError } from '../errors.js';
import type { PreviousEpoch } from '../port/subscriber-registry.js';
import { isEpoch } from './epoch.js';

/**
 * A position in one stream: all entries up to `cursor` were read. The position is valid at every subscriber.
 */
export interface StreamPosition {
  readonly epoch: string;
  readonly cursor: EntryId;
}

/** A position in several streams, in the order of the gateway that made the position. */
export type Position = readonly StreamPosition[];

/** The newest entry of a stream as the broker reported it, and the time at which the broker was asked. */
export interface ReportedTip {
  /** ID of the newest entry in the present epoch. */
  readonly lastId: EntryId;
  /** Local monotonic time at which the heartbeat was sent, in milliseconds. */
  readonly askedAtMs: number;
}

/** The position of a subscriber in one stream, and the stream's previous epoch if it is known. */
export interface CurrentStreamPosition extends StreamPosition {
  readonly previousEpoch?: PreviousEpoch | undefined;
}

/** The positions of a subscriber in several streams. */
export type CurrentPosition = readonly CurrentStreamPosition[];

/**
 * Maximum length of a text that `parsePosition` accepts, in characters. A position in four streams needs about 80 characters, or
 * about 20 per stream.
 */
export const MAX_POSITION_CHARS = 8_192;

const SEPARATOR = '.';
const SCOPE_SEPARATOR = '~';
const SCOPE = /^(?:all|[0-9_]{1,100})$/;
const LATER_VERSION = /^v(?:[2-9]|[1-9][0-9]{1,5})~[\w.~-]+$/;
/** Scope of a position that is valid for every room. */
export const EVERY_SCOPE = 'all';
const SEGMENT = /^([0-9a-z]{1,16})-([0-9a-z]{1,13})(?:-([0-9a-z]{1,13}))?$/;

/** Returns the part of a position for one stream. The part changes only when the cursor or the epoch changes. */
export function encodeStreamPosition({ epoch, cursor }: StreamPosition): string {
  const { ms, sequence } = splitEntryId(cursor);
  const head = `${epoch}-${toBase36(ms)}`;
  return sequence === '0' ? head : `${head}-${toBase36(sequence)}`;
}

/**
 * Joins the parts of a position, as `encodeStreamPosition` returns them, in the order of the stream list.
 * @param scope the scope, or '' if there is only one scope
 */
export function joinPosition(segments: readonly string[], scope = ''): string {
  const text = segments.join(SEPARATOR);
  return scope === '' ? text : scope + SCOPE_SEPARATOR + text;
}

/** Returns the whole position as text. @param scope the scope, or '' if there is only one scope */
export function encodePosition(position: Position, scope = ''): string {
  return joinPosition(position.map(encodeStreamPosition), scope);
}

/**
 * Parses a position that a client sent. The scope is checked but not returned, because the epochs identify the streams.
 * @throws BrokerError `later_position` for a position of a later build, `invalid_position` for any other text that `encodePosition`
 * cannot return
 */
export function parsePosition(text: unknown): Position {
  if (typeof text !== 'string' || text === '' || text.length > MAX_POSITION_CHARS) throw invalidPosition();
  if (LATER_VERSION.test(text)) throw new BrokerError('later_position', 'A later build made this position');
  const scopeChars = text.indexOf(SCOPE_SEPARATOR);
  if (scopeChars >= 0 && !SCOPE.test(text.slice(0, scopeChars))) throw invalidPosition();
  return text
    .slice(scopeChars + 1)
    .split(SEPARATOR)
    .map(parseSegment);
}

/**
 * True when a position is still valid in a stream. A position is valid if it belongs to the present epoch. It
 * is also valid if it belongs to the previous epoch and is not after the last entry that was kept. Any other
 * position belongs to a lost part of the stream.
 */
export function isPositionValid(
  { epoch, cursor }: StreamPosition,
  current: Pick<CurrentStreamPosition, 'epoch' | 'previousEpoch'>,
): boolean {
  if (epoch === current.epoch) return true;
  const { previousEpoch } = current;
  return previousEpoch?.epoch === epoch && compareEntryIds(cursor, previousEpoch.upTo) <= 0;
}

function parseSegment(segment: string): StreamPosition {
  const [, epoch, ms, sequence = '0'] = SEGMENT.exec(segment) ?? [];
  if (epoch === undefined || ms === undefined || !isEpoch(epoch)) throw invalidPosition();
  const cursor = `${fromBase36(ms)}-${fromBase36(sequence)}`;
  // Millrace encodes every position to exactly one text. Another text that parses to the same position was not made by Millrace.
  if (!isEntryId(cursor) || encodeStreamPosition({ epoch, cursor }) !== segment) throw invalidPosition();
  return { epoch, cursor };
}

/** Converts a decimal number to base 36. A number of at most 15 digits is converted without `BigInt`, which is faster. */
function toBase36(digits: string): string {
  return digits.length < 16 ? Number(digits).toString(36) : BigInt(digits).toString(36);
}

function fromBase36(text: string): string {
  if (text.length <= 10) return String(Number.parseInt(text, 36));
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return String(value);
}

function invalidPosition(): BrokerError {
  return new BrokerError('invalid_position', 'This is not a position');
}

// A position records how far a reader has read each of some streams. It is one short URL-safe text that travels with every
// event. Pure.
//
// For each stream, it has a part `<epoch>-<ms>-<sequence>` with numbers in base 36. A sequence of 0 is left out. Dots join
// the parts. With partitions, the scope comes before the parts: `2~…` for the rooms of one scope, `all~…` for every room.
//
// The epoch in a part identifies the stream, because no other stream has the same epoch. Therefore gateways whose catalogs
// list different streams understand each other's positions; see `RoomPositions`. `mayBeEpochOf` is for epochs that no stream
// has any more.
//
// This form is version 1. It has no version mark, because marks were introduced later. A later version begins with its
// number, as in `v2~`, and contains only URL-safe characters. Clients may move between gateways of two builds. The mark lets
// the older build distinguish a position of the later build from garbage.
import { compareEntryIds, type EntryId, isEntryId, splitEntryId } from '../entries/entry-id.js';
import { BrokerError } from '../errors.js';
import type { PreviousEpoch } from '../port/subscriber-registry.js';
import { isEpoch } from './epoch.js';

/**
 * A position in one stream: all entries up to `cursor` were read. The position is valid at every subscriber.
 * @beta
 */
export interface StreamPosition {
  readonly epoch: string;
  readonly cursor: EntryId;
}

/** A position in several streams, in the order of the gateway that made it. @beta */
export type Position = readonly StreamPosition[];

/** The newest entry of a stream as the broker reported it, and the time at which the broker was asked. @beta */
export interface ReportedTip {
  /** ID of the newest entry in the present epoch. */
  readonly lastId: EntryId;
  /** Local monotonic time at which the heartbeat was sent, in milliseconds. */
  readonly askedAtMs: number;
}

/** The position of a subscriber in one stream, and the stream's previous epoch if it is known. @beta */
export interface CurrentStreamPosition extends StreamPosition {
  readonly previousEpoch?: PreviousEpoch | undefined;
}

/** The positions of a subscriber in several streams. @beta */
export type CurrentPosition = readonly CurrentStreamPosition[];

/**
 * Maximum length of a text that `parsePosition` accepts, in characters. A position needs about 20 for each stream, so about
 * 80 for four streams.
 * @beta
 */
export const MAX_POSITION_CHARS = 8_192;

const SEPARATOR = '.';
const SCOPE_SEPARATOR = '~';
const SCOPE = /^(?:all|[0-9_]{1,100})$/;
const LATER_VERSION = /^v(?:[2-9]|[1-9][0-9]{1,5})~[\w.~-]+$/;
/** Scope of a position that is valid for every room. @beta */
export const EVERY_SCOPE = 'all';
const SEGMENT = /^([0-9a-z]{1,16})-([0-9a-z]{1,13})(?:-([0-9a-z]{1,13}))?$/;

/** Returns the part of a position for one stream. The part changes only when the cursor or the epoch changes. */
export function encodeStreamPosition({ epoch, cursor }: StreamPosition): string {
  const { ms, sequence } = splitEntryId(cursor);
  const head = `${epoch}-${toBase36(ms)}`;
  return sequence === '0' ? head : `${head}-${toBase36(sequence)}`;
}

/**
 * Joins the parts of a position in the order of the stream list. `encodeStreamPosition` returns such parts.
 * @param scope the scope, or '' if there is only one scope
 */
export function joinPosition(segments: readonly string[], scope = ''): string {
  const text = segments.join(SEPARATOR);
  return scope === '' ? text : scope + SCOPE_SEPARATOR + text;
}

/** Returns the whole position as text. @param scope the scope, or '' if there is only one scope @beta */
export function encodePosition(position: Position, scope = ''): string {
  return joinPosition(position.map(encodeStreamPosition), scope);
}

/**
 * Parses a position that a client sent. The scope is checked but not returned, because the epochs identify the streams.
 * @throws BrokerError `later_position` for a position of a later build, `invalid_position` for any other text that `encodePosition`
 * cannot return
 * @beta
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
 * True if a position is still valid in a stream. It must belong to the present epoch. It may also belong to the previous
 * epoch if it is not after the last entry that was kept. Any other position belongs to a lost part of the stream.
 * @beta
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
  // Millrace encodes every position to exactly one text. Any other text that parses to the position is not from Millrace.
  if (!isEntryId(cursor) || encodeStreamPosition({ epoch, cursor }) !== segment) throw invalidPosition();
  return { epoch, cursor };
}

/** Converts a decimal number to base 36. `BigInt` is slower, so a number of at most 15 digits does not use it. */
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

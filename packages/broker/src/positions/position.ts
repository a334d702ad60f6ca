// Positions: how far a reader has seen some streams, as one short URL-safe text that travels with every event.
// `<epoch>-<ms>-<sequence>` per stream, numbers in base 36, a sequence of 0 left out, joined by dots. With partitions the scope
// stands before it: `2~…` for the rooms of one scope, `all~…` for every room. Pure.
//
// A part names its stream by its epoch, which no other stream has. So gateways whose catalogs list different streams understand
// each other's positions; see `RoomPositions`, and `mayBeEpochOf` for epochs that no stream has any more.
//
// That is version 1 and has no mark, like all positions from before there were versions. A later version begins with its number, `v2~`,
// and holds URL-safe characters: clients carry positions between gateways of two builds, and this one can tell such a position
// from garbage.
import { compareEntryIds, type EntryId, isEntryId, splitEntryId } from '../entries/entry-id.js';
import { BrokerError } from '../errors.js';
import type { PreviousEpoch } from '../port/subscriber-registry.js';
import { isEpoch } from './epoch.js';

/** How far one stream was read. It means the same to every subscriber. */
export interface StreamPosition {
  readonly epoch: string;
  readonly cursor: EntryId;
}

/** One element per stream that its maker knew, in its order. */
export type Position = readonly StreamPosition[];

/** The broker's answer about a stream's end, and when it was asked. */
export interface ReportedTip {
  /** The newest entry of the present epoch. */
  readonly lastId: EntryId;
  /** Local monotonic time. */
  readonly askedAtMs: number;
}

/** How far a subscriber has read one stream, and the stream's previous epoch where it is known. */
export interface CurrentStreamPosition extends StreamPosition {
  readonly previousEpoch?: PreviousEpoch | undefined;
}

/** The same for several streams. */
export type CurrentPosition = readonly CurrentStreamPosition[];

/** Longest text `parsePosition` looks at, in characters. Four streams need about 80, all partitions together 20 each. */
export const MAX_POSITION_CHARS = 8_192;

const SEPARATOR = '.';
const SCOPE_SEPARATOR = '~';
const SCOPE = /^(?:all|[0-9_]{1,100})$/;
const LATER_VERSION = /^v(?:[2-9]|[1-9][0-9]{1,5})~[\w.~-]+$/;
/** Scope of a position that holds for every room. */
export const EVERY_SCOPE = 'all';
const SEGMENT = /^([0-9a-z]{1,16})-([0-9a-z]{1,13})(?:-([0-9a-z]{1,13}))?$/;

/** The part of a position that stands for one stream. Changes only when the cursor or the epoch does. */
export function encodeStreamPosition({ epoch, cursor }: StreamPosition): string {
  const { ms, sequence } = splitEntryId(cursor);
  const head = `${epoch}-${toBase36(ms)}`;
  return sequence === '0' ? head : `${head}-${toBase36(sequence)}`;
}

/** Joins results of `encodeStreamPosition`, in the order of the stream list. @param scope '' where there is one only */
export function joinPosition(segments: readonly string[], scope = ''): string {
  const text = segments.join(SEPARATOR);
  return scope === '' ? text : scope + SCOPE_SEPARATOR + text;
}

/** The whole position as text. @param scope '' where there is one only */
export function encodePosition(position: Position, scope = ''): string {
  return joinPosition(position.map(encodeStreamPosition), scope);
}

/**
 * Reads a position that a client handed in. The scope is for clients: epochs tell streams apart.
 * @throws BrokerError `later_position` for one that a later build made, `invalid_position` for anything else that
 * `encodePosition` could not have made
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
 * Tells whether the stream still knows the position `part`: a position of its present epoch, or of its previous epoch up to the
 * last entry that was kept. Any other position belongs to a stream that was lost.
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
  // There is one text per position: a text that can be read but was written differently is not ours.
  if (!isEntryId(cursor) || encodeStreamPosition({ epoch, cursor }) !== segment) throw invalidPosition();
  return { epoch, cursor };
}

/** Numbers below 2^53 are converted the fast way. */
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

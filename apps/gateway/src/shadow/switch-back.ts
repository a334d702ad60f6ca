// Finds the entries at which the other service must continue after Millrace has stopped. Only reads from Redis.
import {
  compareEntryIds,
  type EntryId,
  FIRST_ENTRY_ID,
  type GroupReader,
  previousEntryId,
} from '@millrace/broker';
import { originOf, type Pattern } from '../intake/collector/pattern.js';

/** The consumer groups of a switch back, and the streams that both have read. */
export interface SwitchBackPlan {
  /** Returns the consumer group of the gateways for a stream of the catalog. */
  readonly from: (stream: string) => string;
  /** Consumer group of the other service. */
  readonly to: string;
  readonly streams: readonly string[];
  /** The patterns whose streams Millrace has copied. */
  readonly patterns: readonly Pattern[];
}

/**
 * The positions of both programs in one stream. `position`: the last entry up to which Millrace has acknowledged everything.
 * `lastDeliveredId`: the last entry that the other service has read.
 */
export interface SwitchBackMove {
  /** Key of the stream. */
  readonly key: string;
  readonly position: EntryId;
  readonly lastDeliveredId: EntryId;
}

const PAGE_ENTRIES = 1_000;

/** Returns a move for each stream that both have read. A move may point back, if the other service has read more than Millrace. */
export async function switchBackMoves(
  reader: GroupReader,
  plan: SwitchBackPlan,
): Promise<readonly SwitchBackMove[]> {
  const positions = new Map<string, EntryId>();
  for (const stream of plan.streams) {
    const position = await acknowledgedUpTo(reader, stream, plan.from(stream));
    if (position !== undefined) positions.set(stream, position);
  }
  for (const { into } of plan.patterns) {
    const upTo = (await acknowledgedUpTo(reader, into, plan.from(into))) ?? FIRST_ENTRY_ID;
    for (const [source, position] of await sourcePositions(reader, into, upTo))
      positions.set(source, position);
  }
  const moves: SwitchBackMove[] = [];
  for (const [stream, position] of positions) {
    const theirs = await reader.readGroup(stream, plan.to);
    if (theirs !== undefined)
      moves.push({ key: reader.keyOf(stream), position, lastDeliveredId: theirs.lastDeliveredId });
  }
  return moves;
}

/** Returns the last entry up to which the group has acknowledged everything, or `undefined` if there is no group. */
async function acknowledgedUpTo(
  reader: GroupReader,
  stream: string,
  group: string,
): Promise<EntryId | undefined> {
  const state = await reader.readGroup(stream, group);
  if (state === undefined || state.pending === 0) return state?.lastDeliveredId;
  const [oldest] = await reader.readPending(stream, group, { after: FIRST_ENTRY_ID, upTo: '+', count: 1 });
  return oldest === undefined ? state.lastDeliveredId : previousEntryId(oldest);
}

/** Returns, for each source, the last entry up to which everything was copied into the stream and acknowledged there. */
async function sourcePositions(
  reader: GroupReader,
  into: string,
  upTo: EntryId,
): Promise<ReadonlyMap<string, EntryId>> {
  const positions = new Map(await reader.readCollected(into));
  for (let after = upTo; ; ) {
    const entries = await reader.readRange(into, { after, count: PAGE_ENTRIES });
    for (const { fields } of entries) {
      const origin = originOf(fields);
      const known = origin === undefined ? undefined : positions.get(origin.stream);
      if (origin !== undefined && known !== undefined && compareEntryIds(origin.id, known) <= 0)
        positions.set(origin.stream, previousEntryId(origin.id));
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < PAGE_ENTRIES) return positions;
    after = last.id;
  }
}

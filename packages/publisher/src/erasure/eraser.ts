// Erases events. Finds their entries in the streams and their dead letters. Stores a control entry before the entries are
// removed.
import { randomUUID } from 'node:crypto';
import type { Broker, DeadLetter, Entry, EntryId } from '@millrace/broker';
import {
  type AnyCatalog,
  comparableId,
  controlRoomWhere,
  type ErasedEntry,
  encodeControlEntry,
  MAX_ERASED_ENTRIES,
} from '@millrace/contract';
import type { Clock } from '@millrace/internal';
import { type ErasableEvent, type ErasureSelection, selectedBy } from './selection.js';
import { scanStream } from './stream-scan.js';

/** Options of an erasure. @beta */
export interface ErasureOptions {
  /** Continues an earlier erasure of the same selection: the `next` of its result. */
  readonly after?: string;
  /** Number of entries after which the search stops, so that a later call can continue it. @defaultValue 100_000 */
  readonly maxEntries?: number;
  /** Returns false for events that must not be erased. @defaultValue every event may be erased */
  readonly mayErase?: (event: ErasableEvent) => boolean;
}

/** The result of an erasure. @beta */
export interface ErasureResult {
  /** Number of entries that this call erased. From now on they are sent to no client. */
  readonly erased: number;
  /** Number of dead letters that this call removed. */
  readonly deadLetters: number;
  /**
   * False if erased entries are still in a stream, because a gateway has not read the control entry yet. They are removed
   * within seconds. Also false if the result has `kept`.
   */
  readonly isRemoved: boolean;
  /**
   * Number of erased entries in streams that another system owns (`retention: 'observe'`). They are sent to no client, but stay in Redis
   * until that system removes them. Left out if there are none.
   */
  readonly kept?: number;
  /** Left out if the erasure is complete. Otherwise pass this text as `after` to the next call of `erase`. */
  readonly next?: string;
}

/** Dependencies of {@link Eraser}. */
export interface EraserDependencies {
  readonly broker: Broker;
  readonly catalog: AnyCatalog;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Returns an entry with the fields of an event; see `EntryIntake`. */
  readEntry(stream: string, entry: Entry): Entry;
  /** Publishes the events that wait in this process or in an open window: those of one room, or of all rooms. */
  flush(roomId: string | undefined): Promise<void>;
}

const DEFAULT_MAX_ENTRIES = 100_000;
const DEAD_LETTERS_PER_PAGE = 20;

/** The progress of a search: a stream, and the ID after which the search continues in it. */
interface SearchCursor {
  readonly stream: string;
  readonly after: EntryId | undefined;
}

/** Numbers of entries and dead letters that an erasure found in one stream. */
interface StreamOutcome {
  readonly erased: number;
  readonly deadLetters: number;
  readonly waiting: number;
  readonly kept: number;
  readonly scanned: number;
  readonly continueAfter: EntryId | undefined;
}

/** Erases events of all streams. */
export class Eraser {
  readonly #dependencies: EraserDependencies;

  constructor(dependencies: EraserDependencies) {
    this.#dependencies = dependencies;
  }

  /** See `Publisher.erase`. */
  async erase(selection: ErasureSelection, options: ErasureOptions): Promise<ErasureResult> {
    const { maxEntries = DEFAULT_MAX_ENTRIES, after } = options;
    const streams = this.#streamsOf(selection);
    await this.#dependencies.flush(selection.roomId);
    // The ID is blocked before the search. Otherwise the event could be published behind the search.
    if ('eventId' in selection) await this.#block(selection.eventId, streams);
    let cursor: SearchCursor | undefined =
      after === undefined ? cursorOf(streams[0]) : parseCursor(after, streams);
    const total = { erased: 0, deadLetters: 0, waiting: 0, kept: 0, scanned: 0 };
    while (cursor !== undefined && total.scanned < maxEntries) {
      const outcome = await this.#eraseIn(cursor, selection, {
        ...options,
        maxEntries: maxEntries - total.scanned,
      });
      total.erased += outcome.erased;
      total.deadLetters += outcome.deadLetters;
      total.waiting += outcome.waiting;
      total.kept += outcome.kept;
      total.scanned += outcome.scanned;
      const { stream } = cursor;
      cursor =
        outcome.continueAfter === undefined
          ? cursorOf(streams[streams.indexOf(stream) + 1])
          : { stream, after: outcome.continueAfter };
    }
    const { erased, deadLetters, waiting, kept } = total;
    const result = {
      erased,
      deadLetters,
      isRemoved: waiting + kept === 0,
      ...(kept === 0 ? {} : { kept }),
    };
    return cursor === undefined ? result : { ...result, next: cursorText(cursor) };
  }

  /** Returns the streams that may contain selected events. Rejected events of a room may also be in a wrong partition. */
  #streamsOf(selection: ErasureSelection): readonly string[] {
    const { partitioning } = this.#dependencies.broker;
    if ('eventId' in selection && selection.roomId !== undefined)
      return partitioning.scopeOf(selection.roomId).streams;
    return partitioning.streams.map(({ name }) => name);
  }

  /** Records the event ID as a duplicate. Publishers that still hold or repeat the event then store nothing. */
  async #block(eventId: string, streams: readonly string[]): Promise<void> {
    const { broker, catalog } = this.#dependencies;
    const dedupeIds = [comparableId(eventId, catalog.eventIdRule)];
    await Promise.all(streams.map((stream) => broker.erasures.erase(stream, { ids: [], dedupeIds })));
  }

  async #eraseIn(
    { stream, after }: SearchCursor,
    selection: ErasureSelection,
    { maxEntries, mayErase = () => true }: ErasureOptions & { readonly maxEntries: number },
  ): Promise<StreamOutcome> {
    const { broker, catalog } = this.#dependencies;
    const isOfSelection = selectedBy(selection, catalog);
    const isSelected = (fields: Entry['fields']): boolean =>
      isOfSelection(fields) &&
      mayErase({ event_type: fields['event_type'] ?? '', room_id: fields['room_id'] ?? '' });
    // A dead letter may be replayed to the end of its stream meanwhile. Therefore dead letters are dropped before the search, too.
    let deadLetters = after === undefined ? await this.#dropDeadLetters(stream, isSelected) : 0;
    const { found, scanned, continueAfter } = await scanStream(broker, stream, {
      after,
      maxEntries,
      readEntry: (entry) => this.#dependencies.readEntry(stream, entry),
      isSelected,
    });
    for (const [roomId, entries] of byRoom(found))
      for (let from = 0; from < entries.length; from += MAX_ERASED_ENTRIES)
        await this.#store(stream, roomId, entries.slice(from, from + MAX_ERASED_ENTRIES));
    if (continueAfter === undefined) deadLetters += await this.#dropDeadLetters(stream, isSelected);
    const { waiting, isKept } = await broker.erasures.remove(stream);
    const kept = isKept === true ? found.length : 0;
    return { erased: found.length, deadLetters, waiting, kept, scanned, continueAfter };
  }

  /** Stores the control entry for entries of one room. */
  async #store(stream: string, roomId: string, entries: readonly Entry[]): Promise<void> {
    const { broker, clock } = this.#dependencies;
    const erased = entries.map((entry) => this.#toErased(entry));
    const control = encodeControlEntry(
      { kind: 'erase', roomId, entries: erased },
      {
        eventId: randomUUID(),
        userId: randomUUID(),
        timestamp: new Date(clock.wallMs()).toISOString(),
        roomId: controlRoomWhere((room) => broker.partitioning.scopeOf(room).streams.includes(stream)),
      },
    );
    const dedupeIds = erased.flatMap(({ eventId }) => (eventId === undefined ? [] : [eventId]));
    await broker.erasures.erase(stream, { control, ids: entries.map(({ id }) => id), dedupeIds });
  }

  #toErased({ id, fields }: Entry): ErasedEntry {
    const { catalog } = this.#dependencies;
    const eventId = fields['event_id'] ?? '';
    const declaration = catalog.find(fields['event_type'] ?? '');
    // Clients do not need to learn of the erasure: they never keep events of a type that is not replayed, and were sent no
    // event of an unknown type.
    const isKept = declaration !== undefined && declaration.replay.mode !== 'none';
    if (!isKept || eventId === '' || eventId.length > 256) return { id };
    return { id, eventId: comparableId(eventId, catalog.eventIdRule) };
  }

  async #dropDeadLetters(
    stream: string,
    isSelected: (fields: DeadLetter['fields']) => boolean,
  ): Promise<number> {
    const { broker } = this.#dependencies;
    const [newest] = await broker.listDeadLetters(stream, { count: 1, direction: 'backward' });
    if (newest === undefined) return 0;
    let dropped = 0;
    for (let after: EntryId | undefined; ; ) {
      const from = after === undefined ? {} : { after };
      const page = await broker.listDeadLetters(stream, {
        ...from,
        upTo: newest.id,
        count: DEAD_LETTERS_PER_PAGE,
      });
      const isFound = ({ originId, fields }: DeadLetter): boolean =>
        isSelected(this.#dependencies.readEntry(stream, { id: originId, fields }).fields);
      const ids = page.filter(isFound).map(({ id }) => id);
      if (ids.length > 0) dropped += await broker.dropDeadLetters(stream, ids);
      after = page.at(-1)?.id;
      if (after === undefined || page.length < DEAD_LETTERS_PER_PAGE) return dropped;
    }
  }
}

function byRoom(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const rooms = new Map<string, Entry[]>();
  for (const entry of entries) {
    const roomId = entry.fields['room_id'] ?? '';
    const ofRoom = rooms.get(roomId);
    if (ofRoom === undefined) rooms.set(roomId, [entry]);
    else ofRoom.push(entry);
  }
  return rooms;
}

function cursorOf(stream: string | undefined): SearchCursor | undefined {
  return stream === undefined ? undefined : { stream, after: undefined };
}

/** The name of a stream contains no space. */
function cursorText({ stream, after = '' }: SearchCursor): string {
  return `${stream} ${after}`;
}

/** Parses the text of `next`. A text that names none of these streams begins again at the first one. */
function parseCursor(text: string, streams: readonly string[]): SearchCursor | undefined {
  const [stream = '', after = ''] = text.split(' ');
  if (!streams.includes(stream)) return cursorOf(streams[0]);
  return { stream, after: /^\d{1,20}-\d{1,20}$/.test(after) ? after : undefined };
}

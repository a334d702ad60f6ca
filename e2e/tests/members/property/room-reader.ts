// A user who reads rooms over HTTP, through one gateway after the other: pages, waiting polls and streams. Records what each of them
// was answered, for the judge.
import { eventsUrl, type Joined, StreamReader } from '../../../fixtures/clients/stream-reader.js';
import { read } from '../../../fixtures/http/room-reads.js';
import type { RoomSession } from './member-sessions.js';

/** A page, or the answer of a poll. */
export interface PageRead {
  readonly roomId: string;
  /** `undefined` for a reader that begins. */
  readonly after: string | undefined;
  readonly next: string;
  readonly recovered: boolean;
  readonly ids: readonly string[];
}

/** The pages have so few events that a burst takes several of them. */
const pageLimit = 7;
const longestWaitSeconds = 25;

/** One stream of a room. */
interface OpenStream {
  readonly roomId: string;
  readonly after: string | undefined;
  readonly reader: StreamReader;
  isCut: boolean;
}

/** The reads of one user. Has at most one waiting poll and one open stream in each room. */
export class RoomReader implements AsyncDisposable {
  readonly pages: PageRead[] = [];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #positions = new Map<string, string>();
  readonly #polls = new Map<string, Promise<void>>();
  readonly #streams: OpenStream[] = [];

  constructor(token: string) {
    this.#headers = { authorization: `Bearer ${token}` };
  }

  /** Reads the next page of a room, unless the gateway refuses the user. */
  async page(url: string, roomId: string): Promise<void> {
    await this.#read(url, roomId, `limit=${pageLimit}`);
  }

  /** Starts a poll that waits for the next events of a room. `finished` waits for its answer. */
  poll(url: string, roomId: string): void {
    if (this.#polls.has(roomId)) return;
    const poll = this.#read(url, roomId, `limit=${pageLimit}&wait=${longestWaitSeconds}`);
    this.#polls.set(
      roomId,
      poll.finally(() => this.#polls.delete(roomId)),
    );
  }

  /** Opens a stream of a room at the place where the last one ended, unless the gateway refuses the user. */
  async stream(url: string, roomId: string): Promise<void> {
    const last = this.#streams.findLast((stream) => stream.roomId === roomId);
    if (last !== undefined) await cut(last);
    const after = last?.reader.messages.findLast(({ id }) => id !== undefined)?.id ?? last?.after;
    const query = after === undefined ? '' : `?after=${after}`;
    // The user was removed, or the gateway cannot say yet whether the user is a member again.
    const reader = await StreamReader.open(url, roomId, { query, headers: this.#headers }).catch(
      () => undefined,
    );
    if (reader !== undefined) this.#streams.push({ roomId, after, reader, isCut: false });
  }

  /** Waits for the answers of all polls. */
  async finished(): Promise<void> {
    await Promise.all(this.#polls.values());
  }

  /** The streams as sessions of the user. */
  get sessions(): readonly RoomSession[] {
    return this.#streams.flatMap((stream) => {
      const joined = joinedOf(stream);
      if (joined === undefined) return [];
      const { recovered, position } = joined;
      const resumedFrom = recovered ? stream.after : undefined;
      return [{ roomId: stream.roomId, resumedFrom, position, ids: idsOf(stream), end: endOf(stream) }];
    });
  }

  /** The IDs of events of streams that ended before their join was answered. */
  get strays(): readonly string[] {
    return this.#streams.flatMap((stream) => (joinedOf(stream) === undefined ? idsOf(stream) : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams) await cut(stream);
  }

  async #read(url: string, roomId: string, query: string): Promise<void> {
    const after = this.#positions.get(roomId);
    const address = eventsUrl(url, roomId, `?${query}${after === undefined ? '' : `&after=${after}`}`);
    const { status, body } = await read(address, this.#headers);
    if (status !== 200) {
      if (status === 403 || status === 503) return;
      throw new Error(`${status}: ${JSON.stringify(body)}`);
    }
    const { next, recovered, events } = body;
    this.#positions.set(roomId, next);
    this.pages.push({ roomId, after, next, recovered, ids: events.map(({ event_id }) => event_id) });
  }
}

function joinedOf({ reader }: OpenStream): Joined | undefined {
  const found = reader.messages.find(
    ({ event, data }) => event === 'position' && data.includes('"recovered"'),
  );
  return found === undefined ? undefined : (JSON.parse(found.data) as Joined);
}

/** The IDs of the events of a stream. The removal at its end is not an event. */
function idsOf({ reader }: OpenStream): string[] {
  return reader.events.flatMap(({ event_id }) => (event_id === undefined ? [] : [event_id]));
}

function endOf({ reader, isCut }: OpenStream): RoomSession['end'] {
  if (reader.messages.some(({ event }) => event === 'removed')) return 'removed';
  return isCut ? 'cut' : 'open';
}

async function cut(stream: OpenStream): Promise<void> {
  stream.isCut = true;
  await stream.reader[Symbol.asyncDispose]();
}

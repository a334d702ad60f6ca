// A model of a database, its publisher, and a gateway with one client in one room. The test chooses each step.
import type { DeliveredEvent, LoadContext, LoadedState } from '../../src/index.js';
import { type FakeCall, FakeGateway } from './fake-gateway.js';

/** Two event types in two streams. Events of different types have no order between them. */
export const TYPES = ['chat_message', 'status_change'] as const;
export type ModelType = (typeof TYPES)[number];

/** A row of the database. `number` counts the rows of all types. */
export interface Row {
  readonly type: ModelType;
  readonly number: number;
}

/** The numbers of the rows, by type, oldest first. */
export type Screen = Readonly<Record<ModelType, readonly number[]>>;

/** The form of `upTo` that a state uses. */
export const FORMS = ['none', 'sequence', 'eventId', 'time'] as const;
export type Form = (typeof FORMS)[number];

export function rowOf({ event_type, payload }: DeliveredEvent): Row {
  return { type: event_type as ModelType, number: (payload as unknown as { readonly n: number }).n };
}

/**
 * The committed rows. An event is published after its row is committed. Events of one type are published in the order of
 * their rows.
 */
export class ModelDatabase {
  readonly rows: Row[] = [];
  readonly #unpublished = new Map<ModelType, Row[]>(TYPES.map((type) => [type, []]));

  commit(type: ModelType): void {
    const row = { type, number: this.rows.length + 1 };
    this.rows.push(row);
    this.#unpublished.get(type)?.push(row);
  }

  /** Returns the next row of the type to publish, and removes it from those that are not published. */
  takeUnpublished(type: ModelType): Row | undefined {
    return this.#unpublished.get(type)?.shift();
  }

  hasUnpublished(type: ModelType): boolean {
    return (this.#unpublished.get(type)?.length ?? 0) > 0;
  }

  read(): Screen {
    const of = (type: ModelType): readonly number[] =>
      this.rows.filter((row) => row.type === type).map(({ number }) => number);
    return { chat_message: of('chat_message'), status_change: of('status_change') };
  }

  /** Returns the state with its `upTo`. */
  answer(form: Form): Screen | LoadedState<Screen> {
    const state = this.read();
    const newest = this.rows.length;
    const ids = TYPES.flatMap((type) => state[type].slice(-1)).map(idOf);
    if (form === 'sequence') return { state, upTo: { sequence: newest } };
    if (form === 'time') return { state, upTo: { time: newest === 0 ? null : timeOf(newest) } };
    return form === 'eventId' ? { state, upTo: { eventId: ids } } : state;
  }
}

const idOf = (number: number): string => `row-${number}`;
/**
 * Formats a time with microseconds. All rows of a test are within one millisecond, so that only the microseconds tell them
 * apart.
 */
const timeOf = (number: number): string => `2026-01-16T10:00:00.000${String(number).padStart(3, '0')}Z`;

/** One call of the loader. It reads the database at some moment between the call and its answer. */
export interface ModelCall {
  readonly context: LoadContext;
  answer: Screen | LoadedState<Screen> | undefined;
  resolve(result: Screen | LoadedState<Screen>): void;
  reject(error: Error): void;
}

interface Join {
  readonly roomId: string;
  readonly call: FakeCall;
  readonly isRecovered: boolean;
  readonly replay: number[];
  readonly waiting: number[];
  readonly place: number;
}

/**
 * The gateway. A position is a number of events in the log. Lost events are in the log, but the client is not sent them.
 * Until the gateway has sent the resync, its events carry the position before the loss, like those of a real gateway.
 */
export class ModelGateway {
  readonly fake = new FakeGateway();
  readonly #log: Row[] = [];
  /** Messages that were sent but not received yet. */
  #wire: (() => void)[] = [];
  #isLive = false;
  #joins: Join[] = [];
  readonly #taken = new Set<FakeCall>();
  /** The position before a loss that the client does not know of. */
  #frozen: number | undefined;
  /** A position below this one cannot be recovered. */
  #recoverableFrom = 0;
  #losses = 0;
  /** The oldest losses, of which the client knows. */
  #toldLosses = 0;

  constructor() {
    this.fake.isAnswering = false;
  }

  publish(row: Row): void {
    this.#log.push(row);
    const place = this.#log.length;
    if (this.#isLive) this.#send(place);
    else this.#joins.find(({ roomId }) => roomId === 'a')?.waiting.push(place);
  }

  /** Publishes an event that is lost before the gateway has read it. */
  lose(row: Row): void {
    this.#losses += 1;
    this.#frozen ??= this.#log.length;
    this.#log.push(row);
    this.#recoverableFrom = this.#log.length;
  }

  /** Sends the resync of a loss. Then sends a position that is valid after the loss. */
  tell(): void {
    if (this.#frozen === undefined || !this.#isLive) return;
    this.#frozen = undefined;
    const { connection } = this.fake;
    const place = this.#log.length;
    const told = this.#losses;
    this.#wire.push(() => {
      this.#learnOf(told);
      connection.send('resync', { room_id: 'a', reason: 'gap' });
      connection.send('position', { position: `p${place}` });
    });
  }

  /** Does one step of the oldest pending join. */
  work(): void {
    this.#takeCalls();
    const [join] = this.#joins;
    if (join === undefined) return;
    const place = join.replay.shift();
    if (place !== undefined) {
      this.#send(place);
      return;
    }
    this.#joins.shift();
    this.#answer(join);
  }

  receive(): void {
    this.#wire.shift()?.();
  }

  /** Number of losses of which the client does not know. */
  get untoldLosses(): number {
    return this.#losses - this.#toldLosses;
  }

  get hasMessages(): boolean {
    return this.#wire.length > 0;
  }

  /** Breaks the connection. */
  cut(): void {
    this.#wire = [];
    this.#joins = [];
    this.#isLive = false;
    this.fake.connections.at(-1)?.close();
  }

  get isBusy(): boolean {
    const { connections } = this.fake;
    return (
      this.#wire.length > 0 ||
      this.#joins.length > 0 ||
      (connections.at(-1)?.calls.length ?? 0) > 0 ||
      (this.#isLive && this.#frozen !== undefined)
    );
  }

  #answer({ roomId, call, isRecovered, place, waiting }: Join): void {
    // The answer tells the client of every loss before the join began.
    const isTold = roomId === 'a' && !isRecovered && place >= this.#recoverableFrom;
    const told = isTold ? this.#losses : 0;
    if (isTold) this.#frozen = undefined;
    if (roomId === 'a') this.#isLive = true;
    const ownId = roomId === 'user:me' ? 'user:u1' : roomId;
    const answer = { roomId: ownId, position: `p${place}`, recovered: isRecovered, replayed: 0, typing: [] };
    this.#wire.push(() => {
      this.#learnOf(told);
      call.answer(answer);
    });
    for (const late of waiting) this.#send(late);
  }

  /** Several messages may tell the same loss. */
  #learnOf(losses: number): void {
    this.#toldLosses = Math.max(this.#toldLosses, losses);
  }

  #takeCalls(): void {
    const connection = this.fake.connections.at(-1);
    if (connection?.state !== 'open') return;
    for (const call of connection.calls) {
      if (this.#taken.has(call)) continue;
      this.#taken.add(call);
      const [roomId, after] = call.args as [string, string | undefined];
      if (call.method !== 'JoinRoom') continue;
      const place = this.#log.length;
      const seen = after === undefined ? place : Number(after.slice(1));
      const isRecovered = after !== undefined && seen >= this.#recoverableFrom;
      const replay =
        roomId === 'a' && isRecovered
          ? this.#log.flatMap((_, index) => (index >= seen ? [index + 1] : []))
          : [];
      this.#joins.push({ roomId, call, isRecovered, replay, waiting: [], place });
    }
  }

  /** Sends an event. Its position must not hide a loss that the client does not know of. */
  #send(place: number): void {
    const row = this.#log[place - 1];
    const position = Math.min(place, this.#frozen ?? place);
    const { connection } = this.fake;
    if (row === undefined) return;
    this.#wire.push(() =>
      connection.send(row.type, {
        event_id: idOf(row.number),
        event_type: row.type,
        timestamp: timeOf(row.number),
        room_id: 'a',
        payload: { n: row.number },
        position: `p${position}`,
      }),
    );
  }
}

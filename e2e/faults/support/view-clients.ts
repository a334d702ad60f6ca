// Clients of a view (see view-app.mjs) with the official SignalR client, beside the clients of the gateway's own hub. Some keep their
// position and resume. The others keep nothing, as clients that know no positions.
import {
  HttpTransportType,
  type HubConnection,
  HubConnectionBuilder,
  JsonHubProtocol,
  LogLevel,
} from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import type { OfficialClient } from './official-clients.js';
import type { ClientRecord } from './oracle.js';
import type { SessionLog, ViewSession } from './session-oracle.js';
import { Steps } from './steps.js';

/** The answer of the view's method `Join`. */
interface Joined {
  readonly position: string;
  readonly recovered: boolean;
}

/** The events of one client. */
interface Listener {
  /** The position of the next join. `undefined` joins without one. */
  readonly position: string | undefined;
  joined(answer: Joined): void;
  /** The client was sent all messages for an event. `isPair` is false unless both came one after the other. */
  happened(eventId: string, position: string, isPair: boolean): void;
  movedTo(position: string): void;
  reload(reason: string): void;
  lost(): void;
}

/** Connects to the view, and connects again after every lost connection until `close` is called. */
class ViewLine {
  readonly steps = new Steps();
  readonly #chooseUrl: () => string;
  readonly #roomId: string;
  readonly #isBinary: boolean;
  readonly #listener: Listener;
  #connection: HubConnection | undefined;
  #isClosed = false;

  constructor(chooseUrl: () => string, roomId: string, isBinary: boolean, listener: Listener) {
    this.#chooseUrl = chooseUrl;
    this.#roomId = roomId;
    this.#isBinary = isBinary;
    this.#listener = listener;
    void this.#connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.stop();
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    const url = this.#chooseUrl();
    this.steps.note(`connects to ${url}`);
    const connection = new HubConnectionBuilder()
      .withUrl(`${url}/hubs/view`, {
        transport: HttpTransportType.WebSockets,
        skipNegotiation: true,
      })
      .withHubProtocol(this.#isBinary ? new MessagePackHubProtocol() : new JsonHubProtocol())
      .configureLogging(LogLevel.None)
      .build();
    this.#connection = connection;
    this.#listen(connection);
    connection.onclose((error) => {
      this.steps.note(`loses its connection: ${error?.message}`);
      this.#listener.lost();
      this.#connectLater();
    });
    try {
      await connection.start();
    } catch (error) {
      this.steps.note(`cannot connect: ${String(error)}`);
      // `onclose` is not called for a connection that was never open.
      this.#connectLater();
      return;
    }
    try {
      this.steps.note('joins');
      this.#listener.joined(
        await connection.invoke<Joined>('Join', this.#roomId, this.#listener.position ?? null),
      );
      this.steps.note('is in its room');
    } catch (error) {
      this.steps.note(`cannot join: ${String(error)}`);
      // The join was refused for now, or the connection was lost.
      await connection.stop();
    }
  }

  #connectLater(): void {
    if (!this.#isClosed) setTimeout(() => void this.#connect(), 50 + Math.random() * 250);
  }

  #listen(connection: HubConnection): void {
    let announced: string | undefined;
    connection.on('Announced', (eventId: string) => {
      announced = eventId;
    });
    connection.on('Happened', (eventId: string, position: string) => {
      this.#listener.happened(eventId, position, announced === eventId);
      announced = undefined;
    });
    connection.on('Position', ({ position }: { readonly position: string }) =>
      this.#listener.movedTo(position),
    );
    connection.on('Reload', ({ room, reason }: { readonly room: string; readonly reason: string }) => {
      if (room === this.#roomId) this.#listener.reload(reason);
    });
  }
}

/** Starts a client of the view that resumes. */
export function startResumingClient(
  chooseUrl: () => string,
  roomId: string,
  isBinary: boolean,
): OfficialClient {
  const name = `resuming client of a view with ${isBinary ? 'MessagePack' : 'JSON'}`;
  const seen = new Set<string>();
  let records: ClientRecord[] = [];
  let isFirst = true;
  let isJoined = false;
  let position: string | undefined;
  const note = (record: ClientRecord): void => void records.push(record);
  const line = new ViewLine(chooseUrl, roomId, isBinary, {
    get position() {
      return position;
    },
    joined(answer) {
      const atMs = performance.now();
      if (answer.recovered) note({ kind: 'recovered', atMs });
      else if (!isFirst) note({ kind: 'reload', reason: 'join', atMs });
      isFirst = false;
      isJoined = true;
      ({ position } = answer);
    },
    happened(eventId, at, isPair) {
      const atMs = performance.now();
      if (isJoined) position = at;
      if (!isPair) note({ kind: 'handled', eventId: `${eventId} without its first message`, atMs });
      note({ kind: seen.has(eventId) ? 'repeated' : 'handled', eventId, atMs });
      seen.add(eventId);
    },
    movedTo(at) {
      if (isJoined) position = at;
    },
    reload: (reason) => note({ kind: 'reload', reason, atMs: performance.now() }),
    lost() {
      isJoined = false;
    },
  });
  return {
    name,
    roomId,
    steps: line.steps,
    get records() {
      return records;
    },
    get isJoined() {
      return isJoined;
    },
    clear() {
      records = [];
    },
    close: () => line.close(),
  };
}

/** A client of the view that cannot resume. */
export interface PlainViewClient extends SessionLog {
  readonly isJoined: boolean;
  readonly steps: Steps;
  /** Begins a new log, with the session that is open now. */
  clear(): void;
  close(): Promise<void>;
}

/** Starts a client of the view that cannot resume. */
export function startPlainClient(
  chooseUrl: () => string,
  roomId: string,
  isBinary: boolean,
): PlainViewClient {
  let sessions: ViewSession[] = [];
  let open: (ViewSession & { readonly eventIds: string[] }) | undefined;
  const begin = (): void => {
    open = {
      joinedAtMs: performance.now(),
      eventIds: [],
      reloadedAtMs: Number.NEGATIVE_INFINITY,
      isOpen: true,
    };
    sessions.push(open);
  };
  const line = new ViewLine(chooseUrl, roomId, isBinary, {
    position: undefined,
    joined() {
      // An event may have arrived before the answer.
      if (open === undefined) begin();
    },
    happened(eventId, _position, isPair) {
      if (open === undefined) begin();
      open?.eventIds.push(isPair ? eventId : `${eventId} without its first message`);
    },
    movedTo() {},
    reload() {
      if (open !== undefined) open.reloadedAtMs = performance.now();
    },
    lost() {
      if (open !== undefined) open.isOpen = false;
      open = undefined;
    },
  });
  return {
    name: `plain client of a view with ${isBinary ? 'MessagePack' : 'JSON'}`,
    roomId,
    steps: line.steps,
    get sessions() {
      return sessions;
    },
    get isJoined() {
      return open !== undefined;
    },
    clear() {
      sessions = [];
      if (open !== undefined) begin();
    },
    close: () => line.close(),
  };
}

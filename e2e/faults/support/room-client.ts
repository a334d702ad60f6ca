// A client of one room that follows the documented recipe. It implements only a small part of SignalR over a WebSocket.
// Therefore hundreds of clients fit into one process.
import WebSocket from 'ws';
import type { ClientLog, ClientRecord } from './oracle.js';
import { Steps } from './steps.js';

const separator = '\u001e';

interface Message {
  readonly type: number;
  readonly target?: string;
  readonly arguments?: readonly Record<string, unknown>[];
  readonly invocationId?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: string;
}

/** Chooses the address for the next attempt to connect. */
export type ChooseUrl = () => string;

/** Joins a room, handles events, and reconnects after every lost connection until `close` is called. */
export class RoomClient implements ClientLog {
  readonly name: string;
  readonly roomId: string;
  readonly steps = new Steps();
  readonly #chooseUrl: ChooseUrl;
  #records: ClientRecord[] = [];
  readonly #seen = new Set<string>();
  #position: string | null = null;
  #isJoined = false;
  #socket: WebSocket | undefined;
  #isClosed = false;
  #isFirstJoin = true;
  /** The users who are typing, by the events that this client received. */
  readonly typingUsers = new Set<string>();
  /** The message IDs in all receipts, in the order of arrival, and the number of inputs in these receipts. */
  readonly receipts = { messageIds: [] as string[], inputs: 0 };
  /** Number of replayed events since `clear`, as reported by the gateways. */
  replayedCount = 0;
  /** Number of connections that ended unexpectedly since `clear`. */
  lostCount = 0;

  constructor(name: string, roomId: string, chooseUrl: ChooseUrl) {
    this.name = name;
    this.roomId = roomId;
    this.#chooseUrl = chooseUrl;
    this.#connect();
  }

  get records(): readonly ClientRecord[] {
    return this.#records;
  }

  get isJoined(): boolean {
    return this.#isJoined;
  }

  /** Empties the log. The client still knows which events it has seen. */
  clear(): void {
    this.#records = [];
    this.replayedCount = 0;
    this.lostCount = 0;
  }

  /** Ends the connection as a broken network does. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Stops reading from the socket that is open now. */
  stopReading(): void {
    this.#socket?.pause();
  }

  /** Continues to read from the socket. */
  resumeReading(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const url = this.#chooseUrl().replace('http', 'ws');
    this.steps.note(`connects to ${url}`);
    const socket = new WebSocket(`${url}/hubs/events`, {
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
    });
    this.#socket = socket;
    // Ends the connection after 30 s of silence. A silent server no longer works, even if the socket is open.
    let lastMs = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - lastMs > 30_000) socket.terminate();
    }, 5_000);
    const pinging = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send(`{"type":6}${separator}`);
    }, 15_000);
    socket.on('open', () => {
      this.steps.note('sends the handshake');
      socket.send(`{"protocol":"json","version":1}${separator}`);
    });
    socket.on('message', (data: Buffer) => {
      lastMs = performance.now();
      for (const text of data.toString().split(separator)) if (text !== '') this.#onText(text, socket);
    });
    // A `close` event follows every error.
    socket.on('error', ({ message }) => this.steps.note(`gets the error ${message}`));
    socket.on('close', (code) => {
      this.steps.note(`loses its connection with code ${code}`);
      clearInterval(watch);
      clearInterval(pinging);
      this.#isJoined = false;
      this.lostCount += 1;
      if (!this.#isClosed) setTimeout(() => this.#connect(), 50 + Math.random() * 250);
    });
  }

  #onText(text: string, socket: WebSocket): void {
    if (text === '{}') {
      this.steps.note('joins');
      socket.send(
        JSON.stringify({
          type: 1,
          invocationId: '1',
          target: 'JoinRoom',
          arguments: [this.roomId, this.#position],
        }) + separator,
      );
      return;
    }
    const message = JSON.parse(text) as Message;
    if (message.type === 3) this.#onJoined(message, socket);
    else if (message.type === 1) this.#onInvocation(message);
  }

  #onJoined({ result, error }: Message, socket: WebSocket): void {
    if (error !== undefined || result === undefined) {
      this.steps.note(`is refused: ${error ?? 'no result'}`);
      socket.terminate();
      return;
    }
    this.replayedCount += Number(result['replayed']);
    if (result['recovered'] === true) this.#note({ kind: 'recovered', atMs: performance.now() });
    else if (!this.#isFirstJoin) this.#note({ kind: 'reload', reason: 'join', atMs: performance.now() });
    this.#isFirstJoin = false;
    this.#position = String(result['position']);
    this.#isJoined = true;
    this.steps.note('is in its room');
  }

  #onInvocation({ target, arguments: [first = {}] = [] }: Message): void {
    const atMs = performance.now();
    if (target === 'resync') {
      if (first['room_id'] === this.roomId)
        this.#note({ kind: 'reload', reason: String(first['reason']), atMs });
      return;
    }
    if (this.#isJoined) this.#position = String(first['position']);
    if (target === 'position') return;
    if (target === 'typing_start' || target === 'typing_stop') {
      this.#onTyping(first['payload'] as { readonly user_id: string; readonly is_typing: boolean });
      return;
    }
    const eventId = String(first['event_id']);
    if (target === 'read_receipt') {
      if (!this.#seen.has(eventId)) this.#onReceipt(first);
      this.#seen.add(eventId);
      return;
    }
    if (this.#seen.has(eventId)) this.#note({ kind: 'repeated', eventId, atMs });
    else {
      this.#seen.add(eventId);
      this.#note({ kind: 'handled', eventId, atMs });
    }
  }

  #onTyping({ user_id, is_typing }: { readonly user_id: string; readonly is_typing: boolean }): void {
    if (is_typing) this.typingUsers.add(user_id);
    else this.typingUsers.delete(user_id);
  }

  #onReceipt({ payload, metadata }: Record<string, unknown>): void {
    const { message_ids } = payload as { readonly message_ids: readonly string[] };
    const { coalesced_count = 1 } = metadata as { readonly coalesced_count?: number };
    this.receipts.messageIds.push(...message_ids);
    this.receipts.inputs += coalesced_count;
  }

  #note(record: ClientRecord): void {
    this.#records.push(record);
  }
}

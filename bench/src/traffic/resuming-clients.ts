// Light clients of a run. All of them lose their connections at the same moment. They then reconnect together, and resume
// from the last position that they saw. Argument: a {@link ClientsOrder} as JSON.
import type { ClientsCommand, ClientsOrder } from './clients.js';
import { type Dialect, signalR, socketIo } from './dialects.js';
import { LightSocket } from './light-socket.js';
import { nowNs, readMarks } from './mark.js';
import { Receipts } from './receipts.js';

/**
 * Orders that other light clients do not know: to close all connections, to reconnect and wait until this number of events
 * has arrived, or to reconnect after every lost connection from now on.
 */
export type ResumeCommand = ClientsCommand | 'drop' | 'autoReturn' | { readonly returnUntil: number };

/** Report after all clients have reconnected. */
export interface Returned {
  /** Time until every client was in its room again, at most the maximum waiting time. */
  readonly joinedMs: number;
  /** Time until every client had every event, at most the maximum waiting time. */
  readonly wholeMs: number;
  readonly isWhole: boolean;
  readonly received: number;
  /** Number of clients that the server told to reload. */
  readonly notRecovered: number;
  /** Number of attempts to connect that failed and were repeated. */
  readonly failedAttempts: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as ClientsOrder; // The parent process writes this argument.
const receipts = new Receipts();
const isSignalR = order.dialect === 'signalr';
/** Maximum waiting time of a client. */
const longestMs = 20_000;
const retryMs = 200;
/**
 * Number of clients that connect at the same time at the start. Later, all clients reconnect at the same
 * time.
 */
const atOnce = 50;

/** True if a client that loses its connection reconnects by itself, to the next server. */
let isReturning = false;
let returnUntil = Number.POSITIVE_INFINITY;
let wholeAtNs = Number.NaN;
let notRecovered = 0;
let failedAttempts = 0;

class ResumingClient {
  readonly #index: number;
  #attempts = 0;
  readonly #room: string;
  readonly #note = receipts.forClient();
  #socket: LightSocket | undefined;
  /**
   * True when the client is in its room. False during an attempt to connect, so that the caller can repeat a failed attempt.
   */
  #isConnected = false;
  #last = '';
  /** The session of Socket.IO. */
  #session = '';

  constructor(index: number, room: string) {
    this.#index = index;
    this.#room = room;
  }

  async connect(): Promise<void> {
    this.#isConnected = false;
    const dialect = this.#dialect();
    this.#socket = await LightSocket.open({
      url: order.urls[(this.#index + this.#attempts) % order.urls.length] ?? '',
      dialect,
      rooms: [this.#room],
      onMessage: (payload) => this.#onMessage(payload),
      onClose: () => {
        if (!isReturning || !this.#isConnected) return;
        receipts.closed += 1;
        this.#attempts += 1;
        void this.comeBack();
      },
    });
    this.#isConnected = true;
  }

  /** Tries to connect until the client is in its room. */
  async comeBack(): Promise<void> {
    for (;;) {
      try {
        await this.connect();
        return;
      } catch {
        failedAttempts += 1;
        this.#attempts += 1;
        await new Promise((resolve) => setTimeout(resolve, retryMs * (0.5 + Math.random())));
      }
    }
  }

  drop(): void {
    this.#socket?.drop();
  }

  #dialect(): Dialect {
    if (isSignalR) return signalR(/.*"position":"([^"]+)"/s.exec(this.#last)?.[1]);
    const offset = /"([^"]+)"\]$/.exec(this.#last)?.[1];
    const isResuming = this.#session !== '' && offset !== undefined;
    return socketIo(isResuming ? JSON.stringify({ pid: this.#session, offset }) : '');
  }

  #onMessage(payload: Buffer): void {
    const text = payload.toString('latin1');
    if (isSignalR ? text.includes('"position"') : text.startsWith('42[')) this.#last = text;
    if (text.startsWith('40{')) {
      const session = /"pid":"([^"]+)"/.exec(text)?.[1] ?? '';
      if (this.#session !== '' && session !== this.#session) notRecovered += 1;
      this.#session = session;
    }
    if (text.includes('"recovered":false') && this.#socket !== undefined) notRecovered += 1;
    readMarks(payload, this.#note);
    if (receipts.received >= returnUntil && Number.isNaN(wholeAtNs)) wholeAtNs = nowNs();
  }
}

const places = order.rooms.flatMap((room) => Array.from({ length: order.clientsPerRoom }, () => room));
const clients = places.map((room, index) => new ResumingClient(index, room));

async function comeBack(until: number): Promise<Returned> {
  returnUntil = until;
  const startNs = nowNs();
  const endNs = startNs + longestMs * 1e6;
  let joinedAtNs = Number.NaN;
  void Promise.all(clients.map((client) => client.comeBack())).then(() => {
    joinedAtNs = nowNs();
  });
  while ((Number.isNaN(joinedAtNs) || Number.isNaN(wholeAtNs)) && nowNs() < endNs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const msUntil = (atNs: number): number => (Number.isNaN(atNs) ? longestMs : (atNs - startNs) / 1e6);
  return {
    joinedMs: msUntil(joinedAtNs),
    // The last message may arrive before the answer to the last join.
    wholeMs: Math.max(msUntil(joinedAtNs), msUntil(wholeAtNs)),
    isWhole: !Number.isNaN(joinedAtNs + wholeAtNs),
    received: receipts.received,
    notRecovered,
    failedAttempts,
  };
}

process.on('message', (command: ResumeCommand) => {
  if (command === 'count') process.send?.({ received: receipts.received });
  else if (command === 'report') process.send?.(receipts.report());
  else if (command === 'autoReturn') isReturning = true;
  else if (command === 'drop') {
    for (const client of clients) client.drop();
    process.send?.({ dropped: clients.length });
  } else if ('returnUntil' in command)
    void comeBack(command.returnUntil).then((report) => process.send?.(report));
  else receipts.reset(command.resetTo);
});

for (let first = 0; first < clients.length; first += atOnce)
  await Promise.all(clients.slice(first, first + atOnce).map((client) => client.connect()));
process.send?.({ ready: true });

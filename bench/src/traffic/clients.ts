// All light clients of a run in one process. Argument: a {@link ClientsOrder} as JSON.
import { type Dialect, signalR, socketIo } from './dialects.js';
import { LightSocket } from './light-socket.js';
import { openLightStream } from './light-stream.js';
import { readMarks } from './mark.js';
import { Receipts } from './receipts.js';

/** Order to the process of the clients. The process spreads the clients evenly over the URLs. */
export interface ClientsOrder {
  readonly urls: readonly string[];
  /** `event-source`: readers of server-sent events, each of one room. */
  readonly dialect: 'signalr' | 'socket.io' | 'event-source';
  readonly rooms: readonly string[];
  readonly clientsPerRoom: number;
  /** Number of rooms that each client joins. @defaultValue 1 */
  readonly roomsPerClient?: number;
}

/** Orders to the process: send the count, send the report, or start to count again from this event number. */
export type ClientsCommand = 'count' | 'report' | { readonly resetTo: number };

/** Number of clients that connect at the same time. */
const atOnce = 50;

const order = JSON.parse(process.argv[2] ?? '{}') as ClientsOrder; // The parent process writes this argument.
const receipts = new Receipts();
const dialect: Dialect = order.dialect === 'socket.io' ? socketIo() : signalR();
const onClose = (): void => {
  receipts.closed += 1;
};

async function connectOne(url: string, rooms: readonly string[]): Promise<unknown> {
  const note = receipts.forClient();
  const onMessage = (payload: Buffer): void => readMarks(payload, note);
  return order.dialect === 'event-source'
    ? openLightStream({ url, room: rooms[0] ?? '', onEvents: onMessage, onClose })
    : LightSocket.open({ url, dialect, rooms, onMessage, onClose });
}

async function connectAll(): Promise<void> {
  const { rooms, roomsPerClient = 1 } = order;
  const places: (readonly string[])[] = [];
  for (let first = 0; first < rooms.length; first += roomsPerClient) {
    const together = rooms.slice(first, first + roomsPerClient);
    for (let client = 0; client < order.clientsPerRoom; client += 1) places.push(together);
  }
  for (let first = 0; first < places.length; first += atOnce) {
    const group = places
      .slice(first, first + atOnce)
      .map((place, index) => connectOne(order.urls[(first + index) % order.urls.length] ?? '', place));
    await Promise.all(group);
  }
}

process.on('message', (command: ClientsCommand) => {
  if (command === 'count') process.send?.({ received: receipts.received });
  else if (command === 'report') process.send?.(receipts.report());
  else receipts.reset(command.resetTo);
});
await connectAll();
process.send?.({ ready: true });

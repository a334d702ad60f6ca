// All clients of a jitter run, each over a separate connection that is cut repeatedly. They are the official clients of the
// system under test. Both systems have the same mean delay between attempts to connect.
//
// Arguments: system, url, clients, rooms, messages per room, mean time up, time down (both in ms).
import { HttpTransportType } from '@microsoft/signalr';
import { createClient } from '@millrace/client';
import { io } from 'socket.io-client';
import { ImpairedConnection } from '../impaired-connection.js';
import { Receipts } from './receipts.js';

const [system = '', url = '', ...numbers] = process.argv.slice(2);
const [clientCount = 0, roomCount = 0, messagesPerRoom = 0, meanUpMs = 0, downMs = 0] = numbers.map(Number);
const targetPort = Number(new URL(url).port);
const receipts = new Receipts(clientCount, messagesPerRoom);
const retryMs = 500;

/** Parses and records a message of the form `n=<number>;t=<nanoseconds>;…`. */
function receive(client: number, content: string): void {
  const match = /^n=(\d+);t=(\d+);/.exec(content);
  if (match !== null) receipts.note(client, Number(match[1]), BigInt(match[2] ?? 0));
}

async function connectMillrace(client: number, room: string, at: string): Promise<() => Promise<void>> {
  const millrace = createClient({
    url: at,
    retryBaseMs: retryMs,
    retryMaxMs: retryMs,
    signalr: { http: { skipNegotiation: true, transport: HttpTransportType.WebSockets } },
  });
  // Attempts to connect fail while the connection is down, so errors are expected.
  millrace.onError(() => {});
  const joined = millrace.join(room);
  joined.on('chat_message', ({ payload }) => receive(client, payload.content));
  await millrace.connect();
  await joined.joined;
  return () => millrace.close();
}

async function connectSocketIo(client: number, room: string, at: string): Promise<() => Promise<void>> {
  const socket = io(at, {
    transports: ['websocket'],
    forceNew: true,
    auth: { room },
    // Socket.IO chooses a random delay around this value, and Millrace one below `retryMs`. Both have the same mean.
    reconnectionDelay: retryMs / 2,
    reconnectionDelayMax: retryMs / 2,
    randomizationFactor: 1,
  });
  socket.on('chat_message', (content: string) => receive(client, content));
  await new Promise<void>((resolve, reject) => {
    socket.once('joined', resolve);
    socket.once('connect_error', reject);
  });
  return async () => {
    socket.disconnect();
  };
}

const connect = system === 'millrace' ? connectMillrace : connectSocketIo;
const connections: ImpairedConnection[] = [];
const closes: (() => Promise<void>)[] = [];
for (let client = 0; client < clientCount; client += 1) {
  const connection = await ImpairedConnection.open(targetPort);
  connections.push(connection);
  closes.push(await connect(client, `room-${client % roomCount}`, connection.url));
}

process.on('message', (message: 'disturb' | 'calm' | 'count' | { readonly report: number }) => {
  if (message === 'disturb') for (const connection of connections) connection.disturb({ meanUpMs, downMs });
  else if (message === 'calm') for (const connection of connections) connection.calm();
  else if (message === 'count') process.send?.({ delivered: receipts.delivered });
  else void report(message.report);
});

async function report(expected: number): Promise<void> {
  const cuts = connections.reduce((sum, connection) => sum + connection.cutCount, 0);
  process.send?.(receipts.figures(expected, cuts));
  await Promise.all(closes.map((close) => close()));
  for (const connection of connections) connection.close();
  process.disconnect?.();
}

process.send?.({ ready: true });

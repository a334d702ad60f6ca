// All official clients of a run in one process: `@microsoft/signalr` or `socket.io-client`. Argument: a {@link ClientsOrder} as JSON.
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { io } from 'socket.io-client';
import type { ClientsCommand, ClientsOrder } from './clients.js';
import { markOf } from './mark.js';
import { Receipts } from './receipts.js';

interface ChatMessage {
  readonly payload: { readonly content: string };
}

const order = JSON.parse(process.argv[2] ?? '{}') as ClientsOrder; // The parent process writes this argument.
const receipts = new Receipts();

function receiver(): (event: ChatMessage) => void {
  const note = receipts.forClient();
  return ({ payload }) => {
    const mark = markOf(payload.content);
    if (mark !== undefined) note(mark.intendedNs, mark.number);
  };
}

const noteClose = (): void => {
  receipts.closed += 1;
};

async function connectSignalR(url: string, room: string): Promise<void> {
  const connection = new HubConnectionBuilder()
    .withUrl(`${url}/hubs/events`, { skipNegotiation: true, transport: HttpTransportType.WebSockets })
    .configureLogging(LogLevel.Error)
    .build();
  connection.on('chat_message', receiver());
  // Millrace sends `position` to connections that were silent for some time.
  connection.on('position', () => {});
  connection.onclose(noteClose);
  await connection.start();
  await connection.invoke('JoinRoom', room);
}

async function connectSocketIo(url: string, room: string): Promise<void> {
  const socket = io(url, { transports: ['websocket'], forceNew: true });
  socket.on('chat_message', receiver());
  socket.on('disconnect', noteClose);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect_error', reject);
    socket.once('connect', () => socket.emit('join', room, resolve));
  });
}

process.on('message', (command: ClientsCommand) => {
  if (command === 'count') process.send?.({ received: receipts.received });
  else if (command === 'report') process.send?.(receipts.report());
  else receipts.reset(command.resetTo);
});

const connect = order.dialect === 'signalr' ? connectSignalR : connectSocketIo;
let next = 0;
for (const room of order.rooms) {
  for (let client = 0; client < order.clientsPerRoom; client += 1, next += 1)
    await connect(order.urls[next % order.urls.length] ?? '', room);
}
process.send?.({ ready: true });

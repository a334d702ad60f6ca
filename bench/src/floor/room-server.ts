// The least of a SignalR server: handshake, `JoinRoom`, pings. Frames are written straight to the sockets of a room.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { textFrame } from './text-frame.js';

const separator = '\u001e';
/** A SignalR server sends pings at this interval. */
const pingEveryMs = 15_000;
const rooms = new Map<string, Set<Duplex>>();
const sockets = new Set<Duplex>();

/** Sends one invocation to everybody in the room: one frame, one write per socket. */
export function sendToRoom(room: string, target: string, argument: string): void {
  const members = rooms.get(room);
  if (members === undefined) return;
  const frame = textFrame(`{"type":1,"target":"${target}","arguments":[${argument}]}${separator}`);
  for (const socket of members) socket.write(frame);
}

/** Listens on a free port, tells the parent where, and leaves other requests to `onRequest`. */
export function serveRooms(onRequest?: RequestListener): void {
  const server = createServer(onRequest);
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on('upgrade', (request, socket, head) => {
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      sockets.add(socket);
      let room: string | undefined;
      webSocket.on('close', () => {
        sockets.delete(socket);
        rooms.get(room ?? '')?.delete(socket);
      });
      webSocket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text.includes('"protocol"')) webSocket.send(`{}${separator}`);
        const join = /"target":"JoinRoom","arguments":\["([^"]+)"/.exec(text);
        if (join === null) return;
        room = join[1] ?? '';
        rooms.set(room, (rooms.get(room) ?? new Set()).add(socket));
        webSocket.send(`{"type":3,"invocationId":"1","result":null}${separator}`);
      });
    });
  });
  const ping = textFrame(`{"type":6}${separator}`);
  setInterval(() => {
    for (const socket of sockets) socket.write(ping);
  }, pingEveryMs);
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
}

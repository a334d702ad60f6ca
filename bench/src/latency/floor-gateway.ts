// The floor: the least that can carry an event from a stream to sockets. Blocking XREAD, one frame built
// around the stored text, one write per socket. No checks, no ledger, no handshake beyond the first frame.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createClient } from '@redis/client';
import { WebSocketServer } from 'ws';

const separator = '\u001e';
const rooms = new Map<string, Set<Duplex>>();

/** One unmasked, uncompressed text frame of RFC 6455, contiguous. */
function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = 0x81;
  if (headerLength === 2) frame[1] = length;
  else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headerLength);
  return frame;
}

function deliver(fields: Readonly<Record<string, string>>): void {
  const sockets = rooms.get(fields['room_id'] ?? '');
  if (sockets === undefined) return;
  const frame = frameOf(
    `{"type":1,"target":"${fields['event_type']}","arguments":[{"event_id":"${fields['event_id']}",` +
      `"event_type":"${fields['event_type']}","timestamp":"${fields['timestamp']}","room_id":"${fields['room_id']}",` +
      `"payload":${fields['payload']}}]}${separator}`,
  );
  for (const socket of sockets) socket.write(frame);
}

async function tail(url: string): Promise<never> {
  const redis = createClient({ url });
  await redis.connect();
  let cursor = '0-0';
  for (;;) {
    const streams = await redis.xRead({ key: 'events:chat', id: cursor }, { COUNT: 500, BLOCK: 2_000 });
    for (const { messages } of (streams ?? []) as {
      messages: { id: string; message: Record<string, string> }[];
    }[]) {
      for (const { id, message } of messages) {
        cursor = id;
        deliver(message);
      }
    }
  }
}

const server = createServer();
const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
server.on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text.includes('"protocol"')) webSocket.send(`{}${separator}`);
      const join = /"target":"JoinRoom","arguments":\["([^"]+)"/.exec(text);
      if (join === null) return;
      const room = join[1] ?? '';
      rooms.set(room, (rooms.get(room) ?? new Set()).add(socket));
      webSocket.send(`{"type":3,"invocationId":"1","result":null}${separator}`);
    });
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
await tail(process.argv[2] ?? '');

// A reader of server-sent events that does as little work as possible. It searches only for the blank line that ends each
// event. `LightSocket` is its counterpart for WebSockets.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Address and handlers of a light stream. */
export interface LightStreamOptions {
  readonly url: string;
  readonly room: string;
  /** Called with bytes that hold one or more whole events. The bytes are not copied. */
  readonly onEvents: (bytes: Buffer) => void;
  readonly onClose: () => void;
}

const eventEnd = Buffer.from('\n\n');
const joined = Buffer.from('event: position\n');

/** The line end after each HTTP chunk. It is dropped, so that the next chunk need not be copied behind it. */
const chunkEndBytes = 2;

/** Returns the bytes of an incomplete event, or `undefined` if there are none. */
function restAfter(bytes: Buffer, end: number): Buffer | undefined {
  return bytes.length - end <= chunkEndBytes ? undefined : bytes.subarray(end);
}

/** Opens a stream. Resolves when the reader is in its room. @throws Error if the gateway refuses the reader */
export async function openLightStream({ url, room, onEvents, onClose }: LightStreamOptions): Promise<Socket> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  // A `close` event follows every error.
  socket.on('error', () => {});
  await once(socket, 'connect');
  const isIn = new Promise<void>((resolve, reject) => {
    let rest: Buffer | undefined;
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(eventEnd);
      rest = end === -1 ? bytes : restAfter(bytes, end + eventEnd.length);
      if (end === -1) return;
      // The gateway writes each event as one HTTP chunk, so no chunk header is inside an event.
      const whole = bytes.subarray(0, end);
      if (whole.includes(joined)) resolve();
      onEvents(whole);
    });
    socket.on('close', () => {
      reject(new Error(`the stream ended: ${rest?.toString('latin1') ?? ''}`));
      onClose();
    });
  });
  socket.write(`GET /v1/rooms/${room}/events HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
  await isIn;
  return socket;
}

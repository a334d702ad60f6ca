// The number of socket writes for the messages that a WebSocket sends in one turn of the event loop.
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { EncodedMessage } from '../../src/protocol/encoded-message.js';
import { ServerWebSocket, WebSocketTransport } from '../../src/transports/web-socket-transport.js';

/** A socket that records the sizes of the chunks of each write. It accepts every write at once unless `isFull` is true. */
class NotingSocket extends Duplex {
  readonly writes: number[][] = [];
  isFull = false;
  #goOn: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.#note([chunk.length], callback);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], callback: () => void): void {
    this.#note(
      chunks.map(({ chunk }) => chunk.length),
      callback,
    );
  }

  takeMore(): void {
    this.isFull = false;
    this.#goOn?.();
  }

  #note(sizes: number[], callback: () => void): void {
    this.writes.push(sizes);
    if (this.isFull) this.#goOn = callback;
    else callback();
  }
}

// `ws` creates a server's socket with these arguments, but its type package declares only the arguments of a client.
const UpgradedWebSocket = ServerWebSocket as unknown as new (
  address: null,
  protocols: undefined,
  options: object,
) => ServerWebSocket & { setSocket(socket: Duplex, head: Buffer, options: object): void };

function open() {
  const socket = new NotingSocket({ writableHighWaterMark: 10_000 });
  const webSocket = new UpgradedWebSocket(null, undefined, {});
  webSocket.setSocket(socket, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 0 });
  return { socket, webSocket, transport: new WebSocketTransport(webSocket, socket) };
}

const message = (length: number): EncodedMessage => new EncodedMessage(Buffer.alloc(length, 'x'), 'text');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the first message of an event loop turn is written at once, and the others at its end', async () => {
  const { socket, transport } = open();
  for (const length of [10, 20, 30]) expect(transport.write(message(length))).toBe(true);
  expect(socket.writes).toEqual([[12]]);
  expect(transport.bufferedBytes).toBe(22 + 32);
  await Promise.resolve();
  transport.write(message(40));
  await turn();
  expect(socket.writes).toEqual([[12], [22, 32, 42]]);
  transport.write(message(50));
  expect(socket.writes.at(-1)).toEqual([52]);
});

test('a message that fills the buffer of the socket is written before the end of the event loop turn', () => {
  const { socket, transport } = open();
  for (const length of [10, 20, 9_990]) expect(transport.write(message(length))).toBe(true);
  expect(socket.writes).toEqual([[12], [22, 9_994]]);
  expect(transport.write(message(30))).toBe(true);
  expect(transport.bufferedBytes).toBe(32);
});

test('a write to a full socket returns false, and the messages stay in order', async () => {
  const { socket, transport } = open();
  socket.isFull = true;
  expect(transport.write(message(10))).toBe(true);
  expect(transport.write(message(20_000))).toBe(false);
  expect(transport.write(message(30))).toBe(false);
  await turn();
  expect(socket.writes).toEqual([[12]]);
  socket.takeMore();
  await turn();
  expect(socket.writes).toEqual([[12], [20_004, 32]]);
});

test('an abort sends the messages of the current event loop turn before the connection ends', () => {
  const { socket, transport } = open();
  for (const length of [10, 20]) transport.write(message(length));
  transport.abort();
  expect(socket.writes).toEqual([[12], [22]]);
});

test('a close frame is sent after the messages of its turn, and later messages are not sent', async () => {
  const { socket, transport } = open();
  for (const length of [10, 20]) transport.write(message(length));
  transport.close();
  transport.write(message(30));
  await turn();
  expect(socket.writes.flat()).toEqual([12, 22, 2, 2]);
  socket.destroy();
});

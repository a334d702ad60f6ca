/* A WebSocket client that sends exactly the text of a test, valid or not. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Host } from './host.js';

export const RS = '\u001e';
export const HANDSHAKE = `{"protocol":"json","version":1}${RS}`;

export interface RawClient extends AsyncDisposable {
  readonly socket: WebSocket;
  send(text: string): void;
  /** Returns the next record that the server sent, without its separator. */
  next(): Promise<string>;
  /** The records that were received and have not been read. */
  readonly waiting: readonly string[];
  /** Resolves with the close code, when the WebSocket is closed. */
  readonly closed: Promise<number>;
}

/** Connects without negotiation and without a handshake. */
export async function connectRaw(
  host: Pick<Host, 'url'>,
  path = '/hub',
  headers: Record<string, string> = {},
): Promise<RawClient> {
  const socket = new WebSocket(`${host.url.replace('http', 'ws')}${path}`, { headers });
  const records: string[] = [];
  const takers: ((record: string) => void)[] = [];
  socket.on('message', (data: Buffer) => {
    for (const record of data.toString().split(RS).slice(0, -1)) {
      const take = takers.shift();
      if (take === undefined) records.push(record);
      else take(record);
    }
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve);
  });
  socket.on('error', () => {}); // tests wait for 'close', which follows
  await once(socket, 'open');
  return {
    socket,
    send: (text) => socket.send(text),
    next: () => {
      const record = records.shift();
      if (record !== undefined) return Promise.resolve(record);
      return new Promise((resolve) => {
        takers.push(resolve);
      });
    },
    waiting: records,
    closed,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}

/** Connects and performs the handshake. */
export async function openRaw(
  host: Pick<Host, 'url'>,
  path = '/hub',
  headers: Record<string, string> = {},
): Promise<RawClient> {
  const client = await connectRaw(host, path, headers);
  client.send(HANDSHAKE);
  await client.next();
  return client;
}

/** Returns an invocation as text on the wire. */
export function call(target: string, args: readonly unknown[] = [], invocationId = '1'): string {
  return JSON.stringify({ type: 1, invocationId, target, arguments: args }) + RS;
}

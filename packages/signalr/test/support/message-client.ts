/*
 * A client of raw connections that keeps the received messages. It uses the official client's `HttpConnection`, which is
 * below the hub protocol.
 */
import { createRequire } from 'node:module';
import { HttpTransportType, LogLevel, TransferFormat } from '@microsoft/signalr';
import type { HttpConnection as OfficialConnection } from '@microsoft/signalr/dist/esm/HttpConnection.js';
import type { Host } from './host.js';

// The official client's ES modules have imports that only bundlers resolve.
const { HttpConnection } = createRequire(import.meta.url)(
  '@microsoft/signalr/dist/cjs/HttpConnection.js',
) as { readonly HttpConnection: typeof OfficialConnection };

export type Message = string | ArrayBuffer;

export interface MessageClient extends AsyncDisposable {
  send(message: Message): Promise<void>;
  /** Returns the next message of the server. */
  next(): Promise<Message>;
  /** Resolves when the connection has ended, with the error that the client noticed. */
  readonly closed: Promise<Error | undefined>;
}

/** Connects to a raw connection over one transport. */
export async function connectMessages(
  host: Pick<Host, 'url'>,
  transport: keyof typeof HttpTransportType,
  how: { readonly format?: 'Text' | 'Binary'; readonly token?: string } = {},
): Promise<MessageClient> {
  const { token } = how;
  const connection = new HttpConnection(`${host.url}/raw`, {
    transport: HttpTransportType[transport],
    logger: LogLevel.None,
    ...(token === undefined ? {} : { accessTokenFactory: () => token }),
  });
  const messages: Message[] = [];
  const takers: ((message: Message) => void)[] = [];
  connection.onreceive = (message) => {
    const take = takers.shift();
    if (take === undefined) messages.push(message);
    else take(message);
  };
  const closed = new Promise<Error | undefined>((resolve) => {
    Object.assign(connection, { onclose: resolve });
  });
  await connection.start(TransferFormat[how.format ?? 'Text']);
  return {
    send: (message) => connection.send(message),
    next: () => {
      const message = messages.shift();
      if (message !== undefined) return Promise.resolve(message);
      return new Promise((resolve) => {
        takers.push(resolve);
      });
    },
    closed,
    [Symbol.asyncDispose]: () => connection.stop(),
  };
}

/** Returns bytes in the form that the official client sends. */
export function bytesOf(...bytes: readonly number[]): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

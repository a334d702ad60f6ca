/*
 * Server-sent events: one endless response carries what the server sends, POST requests what the client sends.
 */
import type { ServerResponse } from 'node:http';
import type { EncodedMessage, MessageFraming } from '../protocol/encoded-message.js';
import { PostedInput } from './posted-input.js';
import type { Transport, TransportListener } from './transport.js';

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache,no-store',
  Pragma: 'no-cache',
  // Both keep proxies from holding events back: compression needs blocks, nginx buffers by default.
  'Content-Encoding': 'identity',
  'X-Accel-Buffering': 'no',
};

const LINE_FEED = 0x0a;
const DATA = Buffer.from('data: ');
const LINE_END = Buffer.from('\r\n');

/** The framing that all event streams share. Only `data` lines: the .NET client refuses every other field. */
const eventFraming: MessageFraming = {
  frame(payload) {
    const parts: Buffer[] = [];
    for (const line of linesOf(payload)) parts.push(DATA, line, LINE_END);
    parts.push(LINE_END);
    return Buffer.concat(parts);
  },
};

/** JSON text may hold line ends between its tokens; an event carries them as lines of data. */
function linesOf(payload: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = payload.indexOf(LINE_FEED); end >= 0; end = payload.indexOf(LINE_FEED, start)) {
    lines.push(withoutReturn(payload.subarray(start, end)));
    start = end + 1;
  }
  lines.push(withoutReturn(payload.subarray(start)));
  return lines;
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

/** See {@link Transport}. Owns the response from its head to its end. */
export class ServerSentEventsTransport implements Transport {
  readonly name = 'ServerSentEvents' as const;
  readonly formats = ['text'] as const;
  readonly hasInherentKeepAlive = false;
  readonly isAttached = true;
  readonly input = new PostedInput();
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  start(listener: TransportListener): void {
    const response = this.#response;
    response.on('drain', () => listener.onWritable());
    // Leaving is the only way in which a client can end an event stream, so it is the proper one.
    response.on('close', () => {
      this.input.close();
      listener.onClosed(true);
    });
    response.on('error', () => {}); // 'close' follows and says all there is to say
    this.input.start((bytes) => listener.onBytes(bytes));
    response.socket?.setNoDelay(true);
    // A timeout of the HTTP server is for requests that hang; a stream is silent between two pings.
    response.setTimeout(0);
    response.writeHead(200, HEADERS);
    // Firefox takes the stream for open only after its first bytes.
    response.write(':\r\n');
  }

  write(message: EncodedMessage): boolean {
    if (!this.#response.writable) return true;
    this.#response.write(message.framedBy(eventFraming));
    return this.#response.writableLength < this.#response.writableHighWaterMark;
  }

  pauseReading(): void {
    this.input.pause();
  }

  resumeReading(): void {
    this.input.resume();
  }

  close(): void {
    this.input.close();
    if (this.#response.writable) this.#response.end();
  }

  abort(): void {
    this.#response.destroy();
  }
}

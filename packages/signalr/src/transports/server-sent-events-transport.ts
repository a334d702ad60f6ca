/*
 * Server-sent events: one endless response carries the messages of the server. POST requests carry the messages of the client.
 */
import type { ServerResponse } from 'node:http';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { PostedInput } from './posted-input.js';
import { type BodyFraming, bodyFraming, StreamedBody } from './streamed-body.js';
import type { Transport, TransportListener } from './transport.js';

/** The headers of every event stream. */
export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache,no-store',
  Pragma: 'no-cache',
  // These two headers prevent proxies from delaying events. Compression collects bytes into blocks, and nginx buffers by
  // default.
  'Content-Encoding': 'identity',
  'X-Accel-Buffering': 'no',
} as const;

const DATA = Buffer.from('data: ');
const EVENT_END = Buffer.from('\r\n\r\n');
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** The framing that all event streams of hubs share: a single `data` line. The .NET client refuses every other field. */
export const eventFraming: BodyFraming = bodyFraming({
  frame(payload) {
    const event = Buffer.concat([DATA, payload, EVENT_END]);
    const data = event.subarray(DATA.length, DATA.length + payload.length);
    replaceWithSpaces(data, LINE_FEED);
    replaceWithSpaces(data, CARRIAGE_RETURN);
    return event;
  },
});

/**
 * Replaces every occurrence of a byte with a space. Line feed and carriage return would end a line of the event stream, and
 * clients differ in how they join several lines. Messages are JSON, in which these bytes occur only between two tokens. A
 * space means the same there.
 */
function replaceWithSpaces(data: Buffer, byte: number): void {
  for (let at = data.indexOf(byte); at >= 0; at = data.indexOf(byte, at + 1)) data[at] = SPACE;
}

/**
 * The framing of raw connections, whose text may contain any line breaks. Each line becomes a `data` field, and clients join
 * the fields with line feeds. Therefore every line break arrives as a line feed.
 */
export const lineFraming: BodyFraming = bodyFraming({
  frame(payload) {
    const lines = payload.toString().split(/\r\n|\r|\n/);
    return Buffer.from(`${lines.map((line) => `data: ${line}`).join('\r\n')}\r\n\r\n`);
  },
});

/** A comment of an event stream, which clients ignore. */
const COMMENT = ':\r\n';

/** The transport for server-sent events. It owns the response from the first header to the end. */
export class ServerSentEventsTransport implements Transport {
  readonly name = 'ServerSentEvents' as const;
  readonly formats = ['text'] as const;
  readonly hasInherentKeepAlive = false;
  readonly isAttached = true;
  readonly input = new PostedInput(this.formats);
  readonly #response: ServerResponse;
  readonly #framing: BodyFraming;
  #body: StreamedBody | undefined;

  constructor(response: ServerResponse, framing: BodyFraming) {
    this.#response = response;
    this.#framing = framing;
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  start(listener: TransportListener): void {
    const response = this.#response;
    this.#body = new StreamedBody(response, this.#framing, () => listener.onWritable());
    // A client can end an event stream only by closing the response. Therefore this counts as a proper end.
    response.on('close', () => {
      this.input.close();
      listener.onClosed(true);
    });
    response.on('error', () => {}); // 'close' follows
    this.input.start(listener);
    response.socket?.setNoDelay(true);
    // An event stream is silent between two pings, so the HTTP server's timeout must not end it.
    response.setTimeout(0);
    response.writeHead(200, EVENT_STREAM_HEADERS);
    // Firefox regards the stream as open only after its first bytes.
    response.write(COMMENT);
  }

  write(message: EncodedMessage): boolean {
    return this.#body?.write(message) ?? true;
  }

  pauseReading(): void {
    this.input.pause();
  }

  resumeReading(): void {
    this.input.resume();
  }

  keepAlive(): void {
    if (this.#response.writable) this.#response.write(COMMENT);
  }

  close(): void {
    this.input.close();
    if (this.#response.writable) this.#response.end();
  }

  abort(): void {
    this.#response.destroy();
  }
}

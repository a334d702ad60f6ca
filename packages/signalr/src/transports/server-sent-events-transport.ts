/*
 * Server-sent events: one endless response carries the messages of the server. POST requests carry the messages of the client.
 */
import type { ServerResponse } from 'node:http';
import type { EncodedMessage, MessageFraming } from '../protocol/encoded-message.js';
import { PostedInput } from './posted-input.js';
import type { Transport, TransportListener } from './transport.js';

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache,no-store',
  Pragma: 'no-cache',
  // These two headers prevent proxies from delaying events: compression collects blocks, and nginx buffers by default.
  'Content-Encoding': 'identity',
  'X-Accel-Buffering': 'no',
};

const DATA = Buffer.from('data: ');
const EVENT_END = Buffer.from('\r\n\r\n');
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BLANK = 0x20;

/**
 * The framing that all event streams of hubs share: one `data` line and nothing else, because the .NET client refuses every other field.
 */
export const eventFraming: MessageFraming = {
  frame(payload) {
    const event = Buffer.concat([DATA, payload, EVENT_END]);
    const data = event.subarray(DATA.length, DATA.length + payload.length);
    blankOut(data, LINE_FEED);
    blankOut(data, CARRIAGE_RETURN);
    return event;
  },
};

/**
 * Replaces every occurrence of a byte by a blank. Line feed and carriage return would end a line of the event
 * stream, and clients differ in how they join several lines. Messages are JSON. There, these bytes occur only
 * between two tokens, where a blank has the same meaning.
 */
function blankOut(data: Buffer, byte: number): void {
  for (let at = data.indexOf(byte); at >= 0; at = data.indexOf(byte, at + 1)) data[at] = BLANK;
}

/**
 * The framing of raw connections, whose text may have any line breaks. Each line is a `data` field, and clients join the fields by line
 * feeds. Therefore every line break arrives as a line feed.
 */
export const lineFraming: MessageFraming = {
  frame(payload) {
    const lines = payload.toString().split(/\r\n|\r|\n/);
    return Buffer.from(`${lines.map((line) => `data: ${line}`).join('\r\n')}\r\n\r\n`);
  },
};

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
  readonly #framing: MessageFraming;

  constructor(response: ServerResponse, framing: MessageFraming) {
    this.#response = response;
    this.#framing = framing;
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  start(listener: TransportListener): void {
    const response = this.#response;
    response.on('drain', () => listener.onWritable());
    // A client can end an event stream only by closing the response. Therefore this event counts as a proper
    // end.
    response.on('close', () => {
      this.input.close();
      listener.onClosed(true);
    });
    response.on('error', () => {}); // 'close' follows
    this.input.start(listener);
    response.socket?.setNoDelay(true);
    // The HTTP server's timeout would end the stream, because a stream is silent between two pings.
    response.setTimeout(0);
    response.writeHead(200, HEADERS);
    // Firefox regards the stream as open only after its first bytes.
    response.write(COMMENT);
  }

  write(message: EncodedMessage): boolean {
    if (!this.#response.writable) return true;
    this.#response.write(message.framedBy(this.#framing));
    return this.#response.writableLength < this.#response.writableHighWaterMark;
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

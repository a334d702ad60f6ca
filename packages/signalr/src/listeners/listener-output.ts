/*
 * The two ways in which a listener receives. A stream is an endless response. A poll is one response with the next messages.
 * An output is the transport of the listener's connection.
 */
import type { ServerResponse } from 'node:http';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { EVENT_STREAM_HEADERS } from '../transports/server-sent-events-transport.js';
import { bodyFraming, StreamedBody } from '../transports/streamed-body.js';
import type { Transport, TransportListener } from '../transports/transport.js';

/** The messages of a stream are whole texts already. */
const textFraming = bodyFraming({ frame: (payload) => payload });

/** Shared by streams and polls: the response, and the end of the connection when the response ends. */
abstract class ResponseOutput {
  readonly formats = ['text'] as const;
  readonly isAttached = true;
  protected readonly response: ServerResponse;
  protected listener: TransportListener | undefined;
  #isOver = false;

  constructor(response: ServerResponse) {
    this.response = response;
  }

  /** True when nothing more can be written: the client has left, the output was released, or its response is complete. */
  protected get isOver(): boolean {
    return this.#isOver || this.response.destroyed;
  }

  start(listener: TransportListener): void {
    this.listener = listener;
    this.response.on('close', () => this.finish());
    this.response.on('error', () => {}); // 'close' follows
    // A response that is already closed emits no further event.
    if (this.response.destroyed) queueMicrotask(() => this.finish());
  }

  /** Reports the end of the connection, once. The end is a proper one: a client can end a response only by closing it. */
  protected finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.listener?.onClosed(true);
  }

  /** Ends the connection. The response stays with the caller, who may answer it, because nothing was written to it. */
  release(): void {
    this.finish();
  }

  // A listener sends nothing, so there is nothing to pause.
  pauseReading(): void {}
  resumeReading(): void {}
}

/** The first bytes of a stream. @beta */
export interface ListenerStreamOptions {
  /** Headers in addition to those of every event stream. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first text of the stream. */
  readonly head: string;
  /** Called before the first byte is written. From then on, the stream owns the response. */
  onBegin(): void;
}

/**
 * A stream (`text/event-stream`). It begins with the first message. Until then, the caller may still answer with an error.
 * @beta
 */
export class ListenerStream extends ResponseOutput implements Transport {
  readonly name = 'ServerSentEvents' as const;
  readonly hasInherentKeepAlive = false;
  readonly #options: ListenerStreamOptions;
  #body: StreamedBody | undefined;
  #hasBegun = false;

  constructor(response: ServerResponse, options: ListenerStreamOptions) {
    super(response);
    this.#options = options;
  }

  /** True once the response has begun. An error can then no longer be answered with a status. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get bufferedBytes(): number {
    return this.#hasBegun ? this.response.writableLength : 0;
  }

  override start(listener: TransportListener): void {
    this.#body = new StreamedBody(this.response, textFraming, () => listener.onWritable());
    super.start(listener);
  }

  write(message: EncodedMessage): boolean {
    if (this.isOver || message.payload.length === 0) return true;
    this.#begin();
    return this.#body?.write(message) ?? true;
  }

  close(): void {
    if (this.isOver) return;
    this.#begin();
    this.response.end();
  }

  abort(): void {
    this.response.destroy();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { headers, head, onBegin } = this.#options;
    onBegin();
    this.response.socket?.setNoDelay(true);
    // The HTTP server's timeout would end a stream that is silent between two pings.
    this.response.setTimeout(0);
    this.response.writeHead(200, { ...EVENT_STREAM_HEADERS, ...headers });
    this.response.write(head);
  }
}

/** The answer of a poll. @beta */
export interface ListenerPollOptions {
  /** Called with the messages of one turn of the event loop. Return true to answer the poll now. Then `onEnd` follows. */
  onMessages(messages: readonly string[]): boolean;
  /** Called once, when the poll must be answered: `onMessages` returned true, or the connection closes. */
  onEnd(): void;
}

/** A poll: the caller answers the response itself when `onEnd` is called. @beta */
export class ListenerPoll extends ResponseOutput implements Transport {
  readonly name = 'LongPolling' as const;
  readonly hasInherentKeepAlive = true;
  readonly bufferedBytes = 0;
  readonly #options: ListenerPollOptions;
  /** The messages of the present turn. Limits on what one turn sends to one connection bound its size. */
  #messages: string[] = [];

  constructor(response: ServerResponse, options: ListenerPollOptions) {
    super(response);
    this.#options = options;
  }

  override start(listener: TransportListener): void {
    // The HTTP server's timeout would end the poll early.
    this.response.setTimeout(0);
    super.start(listener);
  }

  write(message: EncodedMessage): boolean {
    if (this.isOver || message.payload.length === 0) return true;
    if (this.#messages.length === 0) queueMicrotask(() => this.#flush());
    this.#messages.push(message.payload.toString());
    return true;
  }

  close(): void {
    this.#flush();
    this.#end();
  }

  abort(): void {
    this.#end();
  }

  #flush(): void {
    const messages = this.#messages;
    this.#messages = [];
    if (messages.length > 0 && !this.isOver && this.#options.onMessages(messages)) this.#end();
  }

  #end(): void {
    if (this.isOver) return;
    this.finish();
    this.#options.onEnd();
  }
}

/** The output of a listener. @beta */
export type ListenerOutput = ListenerStream | ListenerPoll;

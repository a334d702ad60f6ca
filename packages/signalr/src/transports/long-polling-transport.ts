/*
 * Long polling: the client asks, the server answers as soon as it has a message. Between two polls nothing can be sent, so messages
 * wait in the connection's own queue, where its bounds hold.
 */
import type { ServerResponse } from 'node:http';
import type { Ticker, TickListener } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { PostedInput } from './posted-input.js';
import type { Transport, TransportListener } from './transport.js';

/** One answer accepts messages until it holds this much; one message alone may exceed it. */
const MAXIMUM_ANSWER_BYTES = 65_536;

/** ASP.NET Core sets them on every poll, whatever its answer. */
export const POLL_HEADERS = {
  'Cache-Control': 'no-cache, no-store',
  Pragma: 'no-cache',
  Expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
} as const;

/** Times of a long polling connection, in milliseconds. */
export interface PollLimits {
  /** A poll without news is answered empty after this. Clients give up after 100 s. */
  readonly pollTimeoutMs: number;
  /** Without a poll for this long the client counts as lost. */
  readonly disconnectTimeoutMs: number;
}

/**
 * ```
 * idle ⇄ polling → ended
 * ```
 * `polling`: a response waits for messages. `idle`: there is none; the client is expected to poll again. `ended`: the next poll is
 * answered 204, and so is a waiting one.
 */
export class LongPollingTransport implements Transport, TickListener {
  readonly name = 'LongPolling' as const;
  readonly formats = ['text', 'binary'] as const;
  readonly hasInherentKeepAlive = true;
  readonly input = new PostedInput();
  readonly #limits: PollLimits;
  readonly #ticker: Ticker;
  #listener: TransportListener | undefined;
  #poll: ServerResponse | undefined;
  /** The last response with messages, which its client may not have read yet. */
  #taken: ServerResponse | undefined;
  /** The messages of the next answer; bounded by {@link MAXIMUM_ANSWER_BYTES} and one message. */
  #batch: Buffer[] = [];
  #batchBytes = 0;
  /** The time when the present state began. */
  #sinceMs: number;
  #isFlushing = false;
  #isFirstPoll = true;
  #isEnding = false;
  #isClosed = false;

  constructor(ticker: Ticker, limits: PollLimits) {
    this.#ticker = ticker;
    this.#limits = limits;
    this.#sinceMs = ticker.monotonicMs();
  }

  get isAttached(): boolean {
    return this.#poll !== undefined;
  }

  get bufferedBytes(): number {
    return this.#batchBytes;
  }

  start(listener: TransportListener): void {
    this.#listener = listener;
    this.input.start((bytes) => listener.onBytes(bytes));
    this.#ticker.add(this);
  }

  /**
   * Accepts a poll; its response is answered here in every case. A poll that waits already is answered with 204, because its client
   * has abandoned it. The first poll is answered at once, because clients regard themselves as connected then.
   */
  poll(response: ServerResponse): void {
    if (this.#poll !== undefined) answer(this.#release(this.#poll), 204, TEXT);
    if (this.#isClosed || (this.#isEnding && this.#batch.length === 0)) {
      answer(response, 204, TEXT);
      this.#end(true);
      return;
    }
    this.#sinceMs = this.#ticker.monotonicMs();
    if (this.#isFirstPoll) {
      this.#isFirstPoll = false;
      answer(response, 200, BYTES);
      return;
    }
    this.#poll = response;
    // The timeout of the HTTP server is meant for hanging requests; a poll waits as long as the options say.
    response.setTimeout(0);
    response.on('close', this.#onPollClosed);
    if (this.#batch.length > 0) this.#scheduleFlush();
    if (this.#batchBytes < MAXIMUM_ANSWER_BYTES && !this.#isEnding) this.#listener?.onWritable();
  }

  write(message: EncodedMessage): boolean {
    if (this.#isClosed) return true;
    this.#batch.push(message.payload);
    this.#batchBytes += message.payload.length;
    if (this.#poll === undefined) return false;
    this.#scheduleFlush();
    return this.#batchBytes < MAXIMUM_ANSWER_BYTES;
  }

  pauseReading(): void {
    this.input.pause();
  }

  resumeReading(): void {
    this.input.resume();
  }

  close(): void {
    this.#isEnding = true;
    this.input.close();
    if (this.#poll === undefined || this.#batch.length > 0) return;
    answer(this.#release(this.#poll), 204, TEXT);
    this.#end(true);
  }

  abort(): void {
    this.#batch = [];
    this.#batchBytes = 0;
    if (this.#poll !== undefined) answer(this.#release(this.#poll), 204, TEXT);
    this.#end(false);
  }

  /** The client ends the connection: waiting messages are dropped. */
  terminate(): void {
    if (this.#poll !== undefined) answer(this.#release(this.#poll), 204, TEXT);
    this.#end(true);
  }

  onTick(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (this.#poll === undefined) {
      if (elapsedMs < this.#limits.disconnectTimeoutMs) return;
      // An unread response would otherwise keep its socket open as long as the client likes.
      if (this.#taken?.writableFinished === false) this.#taken.destroy();
      this.#end(this.#isEnding, new SignalRError('transport_lost', 'The client stopped polling.'));
    } else if (elapsedMs >= this.#limits.pollTimeoutMs && this.#batch.length === 0) {
      answer(this.#release(this.#poll), 200, TEXT);
    }
  }

  /** All messages of one turn of the event loop are sent in one answer. */
  #scheduleFlush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (this.#poll !== undefined && this.#batch.length > 0) this.#flush(this.#poll);
    });
  }

  #flush(poll: ServerResponse): void {
    const body = Buffer.concat(this.#batch);
    this.#batch = [];
    this.#batchBytes = 0;
    this.#taken = this.#release(poll);
    answer(this.#taken, 200, BYTES, body);
  }

  #release(poll: ServerResponse): ServerResponse {
    this.#poll = undefined;
    this.#sinceMs = this.#ticker.monotonicMs();
    poll.off('close', this.#onPollClosed);
    return poll;
  }

  /** A client that gave up its poll may poll again; nothing was removed from the batch. */
  readonly #onPollClosed = (): void => {
    if (this.#poll !== undefined) this.#release(this.#poll);
  };

  #end(isGraceful: boolean, error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ticker.remove(this);
    this.input.close();
    this.#listener?.onClosed(isGraceful, error);
  }
}

/** The content types of ASP.NET Core: bytes when an answer holds or could hold messages, text when a poll ended without any. */
const BYTES = 'application/octet-stream';
const TEXT = 'text/plain';

function answer(
  response: ServerResponse,
  status: 200 | 204,
  type: typeof BYTES | typeof TEXT,
  body?: Buffer,
): void {
  if (response.headersSent || response.destroyed) return;
  const length = status === 200 ? { 'Content-Length': String(body?.length ?? 0) } : {};
  response.writeHead(status, { ...POLL_HEADERS, 'Content-Type': type, ...length });
  response.end(body);
}

/*
 * Long polling: the client sends a request (a poll), and the server answers it when it has a message. Between two polls,
 * messages wait in the connection's outbound queue, which has limits.
 */
import type { ServerResponse } from 'node:http';
import type { Ticker, TickListener } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { PostedInput } from './posted-input.js';
import { TEXT_AND_BINARY, type Transport, type TransportListener } from './transport.js';

/** Size at which an answer accepts no more messages, for connections with a hub protocol. */
export const MAXIMUM_ANSWER_BYTES = 65_536;

/** The headers that ASP.NET Core sets on every answer to a poll. */
export const POLL_HEADERS = {
  'Cache-Control': 'no-cache, no-store',
  Pragma: 'no-cache',
  Expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
} as const;

/** Limits of a long polling connection. */
export interface PollLimits {
  /** A poll without messages is answered with an empty body after this time. Clients give up a poll after 100 s. */
  readonly pollTimeoutMs: number;
  /** A client that does not poll for this time counts as lost. */
  readonly disconnectTimeoutMs: number;
  /** Size at which an answer accepts no more messages. A single larger message is still sent in one answer. */
  readonly maximumAnswerBytes: number;
}

/**
 * The transport for long polling. Its states:
 * ```
 * idle ⇄ polling → ended
 * ```
 * - `idle`: no poll waits. The client is expected to poll again.
 * - `polling`: a poll waits for messages.
 * - `ended`: the waiting poll and the next poll are answered with 204.
 */
export class LongPollingTransport implements Transport, TickListener {
  readonly name = 'LongPolling' as const;
  readonly formats = TEXT_AND_BINARY;
  readonly hasInherentKeepAlive = true;
  readonly input = new PostedInput(this.formats);
  readonly #limits: PollLimits;
  readonly #ticker: Ticker;
  #listener: TransportListener | undefined;
  #poll: ServerResponse | undefined;
  /** The last response with messages. The client may not have read it yet. */
  #taken: ServerResponse | undefined;
  /** The messages of the next answer. Their size may exceed `maximumAnswerBytes` by one message. */
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
    this.input.start(listener);
    this.#ticker.add(this);
  }

  /**
   * Accepts a poll, and answers it now or later. An earlier poll that still waits is answered with 204, because the client
   * has given it up. The first poll is answered at once, because clients count as connected after that answer.
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
    // A poll may wait for `pollTimeoutMs`, so the HTTP server's timeout must not end it earlier.
    response.setTimeout(0);
    response.on('close', this.#onPollClosed);
    if (this.#batch.length > 0) this.#scheduleFlush();
    if (this.#batchBytes < this.#limits.maximumAnswerBytes && !this.#isEnding) this.#listener?.onWritable();
  }

  write(message: EncodedMessage): boolean {
    if (this.#isClosed) return true;
    this.#batch.push(message.payload);
    this.#batchBytes += message.payload.length;
    if (this.#poll === undefined) return false;
    this.#scheduleFlush();
    return this.#batchBytes < this.#limits.maximumAnswerBytes;
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

  /** Ends the connection at the client's request. Waiting messages are dropped. */
  terminate(): void {
    if (this.#poll !== undefined) answer(this.#release(this.#poll), 204, TEXT);
    this.#end(true);
  }

  onTick(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (this.#poll === undefined) {
      if (elapsedMs < this.#limits.disconnectTimeoutMs) return;
      // A client that does not read the response could otherwise keep its socket open forever.
      if (this.#taken?.writableFinished === false) this.#taken.destroy();
      this.#end(this.#isEnding, new SignalRError('transport_lost', 'The client stopped polling.'));
    } else if (elapsedMs >= this.#limits.pollTimeoutMs && this.#batch.length === 0) {
      answer(this.#release(this.#poll), 200, TEXT);
    }
  }

  /** Sends the batch at the end of the turn of the event loop, so that one answer contains all messages of the turn. */
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

  /** Ends a poll that the client gave up. No message is lost, because the next poll gets the batch. */
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

/**
 * The content types of ASP.NET Core: `BYTES` for an answer with messages and for the first answer, `TEXT` for a poll that ended
 * without messages.
 */
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

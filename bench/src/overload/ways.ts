// The two ways in which a producer offers events: the library, and HTTP over keep-alive connections.
import { connect, type Socket } from 'node:net';
import { connectPublisher, PublisherError } from '@millrace/publisher';
import { chatPayload } from '../traffic/chat-payload.js';
import { contentOf } from '../traffic/mark.js';
import type { Tally } from './tally.js';

/** Offers one event. Resolves with true if it was stored. Returns `undefined` if no connection was free. */
export type Offer = (roomId: string, intendedNs: number) => Promise<boolean> | undefined;

/** Offers events with `@millrace/publisher`, like a backend. */
export async function offerByLibrary(redisUrl: string, tally: Tally): Promise<Offer> {
  const publisher = await connectPublisher({ redisUrl });
  let number = 0;
  return async (roomId, intendedNs) => {
    const startMs = performance.now();
    number += 1;
    try {
      await publisher.publish('chat_message', roomId, chatPayload(contentOf(intendedNs, number), number));
      tally.stored();
      return true;
    } catch (error) {
      if (!(error instanceof PublisherError)) throw error;
      const refusal = { hasTime: error.retryAfterMs !== undefined, isUnknown: error.outcome === 'unknown' };
      tally.refused(performance.now() - startMs, refusal);
      return false;
    }
  };
}

/** Maximum number of connections, more than any backend opens. The gateway answers too late if all are in use. */
const maxSockets = 2_000;

interface Answer {
  readonly status: number;
  readonly hasRetryAfter: boolean;
}

/**
 * Offers events by HTTP, one per request. The requests are written by hand, because an HTTP library would use more CPU time
 * than the gateway.
 */
export function offerByHttp(gatewayUrl: string, tally: Tally): Offer {
  const port = Number(new URL(gatewayUrl).port);
  const idle: HttpLine[] = [];
  let open = 0;
  let number = 0;
  return (roomId, intendedNs) => {
    const line = idle.pop() ?? (open < maxSockets ? new HttpLine(port, () => (open -= 1)) : undefined);
    if (line === undefined) return undefined;
    if (line.isNew) open += 1;
    const startMs = performance.now();
    number += 1;
    const payload = chatPayload(contentOf(intendedNs, number), number);
    return line
      .post(JSON.stringify({ event_type: 'chat_message', room_id: roomId, payload }))
      .then((answer) => {
        const isStored = answer?.status === 201;
        if (answer !== undefined) idle.push(line);
        const hasTime = answer?.hasRetryAfter ?? false;
        if (isStored) tally.stored();
        else tally.refused(performance.now() - startMs, { hasTime, isUnknown: answer === undefined });
        return isStored;
      });
  };
}

/** A connection with one request at a time. */
class HttpLine {
  readonly #socket: Socket;
  #text = '';
  #onAnswer: (answer: Answer | undefined) => void = () => {};
  isNew = true;

  constructor(port: number, onClose: () => void) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk: string) => this.#onData(chunk));
    // A `close` event follows every error.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      onClose();
      this.#onAnswer(undefined);
    });
  }

  /** Sends a request. Resolves with `undefined` if the connection ended without an answer. */
  post(body: string): Promise<Answer | undefined> {
    this.isNew = false;
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
      this.#socket.write(
        'POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n' +
          `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
  }

  #onData(chunk: string): void {
    this.#text += chunk;
    const headEnd = this.#text.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const head = this.#text.slice(0, headEnd).toLowerCase();
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
    if (this.#text.length < headEnd + 4 + length) return;
    this.#text = '';
    this.#onAnswer({ status: Number(head.slice(9, 12)), hasRetryAfter: head.includes('\r\nretry-after:') });
  }
}

// Compares the messages that each client of a jitter run handled with the messages that were sent.
import { percentile } from '../harness/statistics.js';

/** The figures of one run. */
export interface JitterFigures {
  readonly expected: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly cuts: number;
  /**
   * Number of messages that were handled more than half a second after they were sent. Most of their clients were
   * disconnected meanwhile.
   */
  readonly replayed: number;
  readonly replayP50Ms: number;
  readonly replayP99Ms: number;
  readonly replayMaxMs: number;
}

/** A message with at least this delay counts as late. */
const REPLAY_FROM_MS = 500;

/** The counts of all clients. The messages of a room are numbered from 0. */
export class Receipts {
  /** For each client, a flag for each message: 1 if the client has handled the message. */
  readonly #handled: Uint8Array[];
  readonly #newest: Int32Array;
  readonly #delaysMs: number[] = [];
  #duplicates = 0;
  #outOfOrder = 0;

  constructor(clientCount: number, messagesPerRoom: number) {
    this.#handled = Array.from({ length: clientCount }, () => new Uint8Array(messagesPerRoom));
    this.#newest = new Int32Array(clientCount).fill(-1);
  }

  /** Records that `client` handled message `number`, which was sent at `sentNs` on this machine's monotonic clock. */
  note(client: number, number: number, sentNs: bigint): void {
    const handled = this.#handled[client];
    if (handled === undefined) return;
    if (handled[number] === 1) {
      this.#duplicates += 1;
      return;
    }
    handled[number] = 1;
    if (number < (this.#newest[client] ?? -1)) this.#outOfOrder += 1;
    else this.#newest[client] = number;
    const delayMs = Number(process.hrtime.bigint() - sentNs) / 1e6;
    if (delayMs >= REPLAY_FROM_MS) this.#delaysMs.push(delayMs);
  }

  get delivered(): number {
    return this.#handled.reduce((sum, handled) => sum + handled.reduce((count, one) => count + one, 0), 0);
  }

  figures(expected: number, cuts: number): JitterFigures {
    const delays = this.#delaysMs;
    return {
      expected,
      delivered: this.delivered,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
      cuts,
      replayed: delays.length,
      replayP50Ms: percentile(delays, 50),
      replayP99Ms: percentile(delays, 99),
      replayMaxMs: delays.reduce((max, delay) => Math.max(max, delay), 0),
    };
  }
}

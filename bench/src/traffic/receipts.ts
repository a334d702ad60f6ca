// Counts the events that the clients of a run received, and the events out of order. The publisher numbers
// the events in the order of sending.
import { createHistogram, encodeHistogram, type Histogram, recordNs } from './histogram.js';
import { nowNs } from './mark.js';

/** The counts of all clients of a process together. */
export interface ReceivedReport {
  readonly received: number;
  /** Number of events that arrived at a client after an event of the same room with a higher number. */
  readonly outOfOrder: number;
  /** Number of connections that ended. */
  readonly closed: number;
  /** Times from the intended send time to the arrival, as a histogram. */
  readonly latency: string;
}

/** Records arrivals. A repeated event counts as out of order. */
export class Receipts {
  #latency: Histogram = createHistogram();
  #outOfOrder = 0;
  /** Events with a lower number belong to an earlier part of the run and are ignored. */
  #firstNumber = 0;
  closed = 0;

  get received(): number {
    return this.#latency.totalCount;
  }

  /** Returns a function that records the arrivals at one client, which is in one room. */
  forClient(): (intendedNs: number, number: number) => void {
    let newest = -1;
    return (intendedNs, number) => {
      if (number < this.#firstNumber) return;
      recordNs(this.#latency, nowNs() - intendedNs);
      if (number <= newest) this.#outOfOrder += 1;
      else newest = number;
    };
  }

  /** Starts a new part of the run, whose events have numbers from `firstNumber` on. */
  reset(firstNumber: number): void {
    this.#latency = createHistogram();
    this.#outOfOrder = 0;
    this.#firstNumber = firstNumber;
  }

  report(): ReceivedReport {
    return {
      received: this.received,
      outOfOrder: this.#outOfOrder,
      closed: this.closed,
      latency: encodeHistogram(this.#latency),
    };
  }
}

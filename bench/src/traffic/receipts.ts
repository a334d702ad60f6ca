// Counts what the clients of a run received, against what was sent: each client's events have rising numbers.
import { createHistogram, encodeHistogram, type Histogram, recordNs } from './histogram.js';
import { nowNs } from './mark.js';

/** All clients of a process together. */
export interface ReceivedReport {
  readonly received: number;
  /** Events that came after one with a higher number of the same room, at the same client. */
  readonly outOfOrder: number;
  /** Connections that ended. */
  readonly closed: number;
  /** From the intended send time to the arrival, as a histogram. */
  readonly latency: string;
}

/** Notes arrivals. An event that comes again counts as out of order. */
export class Receipts {
  #latency: Histogram = createHistogram();
  #outOfOrder = 0;
  /** Events with a lower number belong to an earlier stretch of the run. */
  #firstNumber = 0;
  closed = 0;

  get received(): number {
    return this.#latency.totalCount;
  }

  /** Notes for one client, which is in one room. */
  forClient(): (intendedNs: number, number: number) => void {
    let newest = -1;
    return (intendedNs, number) => {
      if (number < this.#firstNumber) return;
      recordNs(this.#latency, nowNs() - intendedNs);
      if (number <= newest) this.#outOfOrder += 1;
      else newest = number;
    };
  }

  /** Begins a stretch whose events have numbers from `firstNumber` on. */
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

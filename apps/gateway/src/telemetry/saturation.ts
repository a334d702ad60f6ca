// Measures how near a gateway is to its limit, as one number.
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Time over which the utilization of the event loop is measured. */
const periodMs = 1_000;

/**
 * Measures the load of a gateway from 0 (idle) to 1 (events are late or refused). The load is the larger of two shares: the part of
 * the last second in which the event loop was busy, and the fill level of the publish queue.
 */
export class Saturation {
  readonly #queueFill: () => number;
  readonly #timer: NodeJS.Timeout;
  #before: EventLoopUtilization;
  #loopShare = 0;

  /** @param queueFill returns the fill level of the publish queue, from 0 (empty) to 1 (full) */
  constructor(queueFill: () => number) {
    this.#queueFill = queueFill;
    this.#before = performance.eventLoopUtilization();
    this.#timer = setInterval(() => this.#measure(), periodMs);
    this.#timer.unref();
  }

  get share(): number {
    return Math.min(1, Math.max(this.#loopShare, this.#queueFill()));
  }

  /** Stops the measurement. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #measure(): void {
    const now = performance.eventLoopUtilization();
    this.#loopShare = performance.eventLoopUtilization(now, this.#before).utilization;
    this.#before = now;
  }
}

// How near a gateway is to the most it can do, as one figure.
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Time over which the event loop is looked at. */
const windowMs = 1_000;

/**
 * 0 is idle, 1 is all. The larger of two shares: how much of the last second the event loop was busy, and how full the queue
 * of what waits for the broker is. At 1 events come late or are refused.
 */
export class Saturation {
  readonly #queueFill: () => number;
  readonly #timer: NodeJS.Timeout;
  #before: EventLoopUtilization;
  #loopShare = 0;

  /** @param queueFill 0 empty, 1 full */
  constructor(queueFill: () => number) {
    this.#queueFill = queueFill;
    this.#before = performance.eventLoopUtilization();
    this.#timer = setInterval(() => this.#look(), windowMs);
    this.#timer.unref();
  }

  get share(): number {
    return Math.min(1, Math.max(this.#loopShare, this.#queueFill()));
  }

  /** Ends its timer. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.eventLoopUtilization();
    this.#loopShare = performance.eventLoopUtilization(now, this.#before).utilization;
    this.#before = now;
  }
}

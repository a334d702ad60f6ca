// Estimates the broker's time: the local monotonic clock plus an offset that is known from replies.

/** Length of a bucket, in milliseconds. The clock uses the best sample of the last six buckets. */
const BUCKET_MS = 10_000;
const BUCKETS = 6;

interface Sample {
  readonly bucket: number;
  readonly roundTripMs: number;
  /** Broker time minus local monotonic time. */
  readonly offsetMs: number;
}

/**
 * Estimates the broker's time from the replies that contain it. The broker read its clock at some moment of the round trip.
 * The sample of the last minute with the shortest round trip is therefore the most exact. Its error is at most half of that
 * round trip.
 */
export class BrokerClock {
  readonly #monotonicMs: () => number;
  /** The best sample of each bucket, newest first. At most six. */
  #samples: Sample[] = [];

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /**
   * Adds a sample: a call was sent at `sentMs` and answered at `receivedMs` (local times), and the reply
   * contained the broker's `timeMs`.
   */
  learn(sentMs: number, receivedMs: number, timeMs: number): void {
    const bucket = Math.floor(receivedMs / BUCKET_MS);
    const roundTripMs = receivedMs - sentMs;
    const [newest] = this.#samples;
    if (newest !== undefined && newest.bucket === bucket) {
      if (newest.roundTripMs <= roundTripMs) return;
      this.#samples.shift();
    }
    this.#samples.unshift({ bucket, roundTripMs, offsetMs: timeMs - (sentMs + receivedMs) / 2 });
    this.#samples = this.#samples.filter((sample) => sample.bucket > bucket - BUCKETS);
  }

  /** Forgets all samples. Call this if the broker may be on another machine. */
  reset(): void {
    this.#samples = [];
  }

  /** Returns the present broker time, in milliseconds since 1970, or `undefined` before the first sample. */
  wallMs(): number | undefined {
    let best: Sample | undefined;
    for (const sample of this.#samples) {
      if (best === undefined || sample.roundTripMs < best.roundTripMs) best = sample;
    }
    return best === undefined ? undefined : this.#monotonicMs() + best.offsetMs;
  }
}

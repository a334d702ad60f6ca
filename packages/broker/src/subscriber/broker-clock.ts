// The broker's time without asking it: the local monotonic clock plus an offset learnt from replies.

/** Samples are kept per bucket of this length; the best of the last six buckets counts. */
const BUCKET_MS = 10_000;
const BUCKETS = 6;

interface Sample {
  readonly bucket: number;
  readonly roundTripMs: number;
  /** Broker time minus local monotonic time. */
  readonly offsetMs: number;
}

/**
 * Learns from each reply that carries the broker's time. The broker read its clock somewhere within the round trip,
 * so the sample with the shortest round trip of the last minute is the most exact; its error is at most half of that.
 */
export class BrokerClock {
  readonly #monotonicMs: () => number;
  /** The best sample of each bucket, newest first; at most six. */
  #samples: Sample[] = [];

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Notes that a call sent at `sentMs` (local) was answered at `receivedMs` with the broker's `timeMs`. */
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

  /** Forgets everything: the broker may be another machine now. */
  reset(): void {
    this.#samples = [];
  }

  /** Broker time now, in milliseconds since 1970; `undefined` before the first sample. */
  wallMs(): number | undefined {
    let best: Sample | undefined;
    for (const sample of this.#samples) {
      if (best === undefined || sample.roundTripMs < best.roundTripMs) best = sample;
    }
    return best === undefined ? undefined : this.#monotonicMs() + best.offsetMs;
  }
}

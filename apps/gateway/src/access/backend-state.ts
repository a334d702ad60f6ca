// Knows if the backend that decides about access is unavailable. While it is, it is asked one question a second. Pure.

/** Time between two questions to an unavailable backend. */
export const PROBE_INTERVAL_MS = 1_000;

/**
 * Number of users whose questions fail one after the other, with no answer in between, until the backend counts as away. One user
 * whose questions always fail does not make it count as away for the others.
 */
const FAILING_OWNERS = 5;

/**
 * The states:
 *
 * ```
 * present ── it cannot be reached, or the questions of several users fail ──▶ away
 *    ▲                                                                          │
 *    └───────────────────────────── it answers ─────────────────────────────────┘
 * ```
 */
export class BackendState {
  #isAway = false;
  #nextProbeMs = 0;
  /** The users whose questions failed since the last answer. */
  readonly #failing = new Set<string>();

  get isAway(): boolean {
    return this.#isAway;
  }

  /** True if a question may be asked now. While the backend is unavailable, true for one question per interval. */
  mayAsk(nowMs: number): boolean {
    if (!this.#isAway) return true;
    if (nowMs < this.#nextProbeMs) return false;
    this.#nextProbeMs = nowMs + PROBE_INTERVAL_MS;
    return true;
  }

  /** Notes an answer. Returns true if the backend was unavailable. */
  answered(): boolean {
    this.#failing.clear();
    const wasAway = this.#isAway;
    this.#isAway = false;
    return wasAway;
  }

  /** Notes a failure. Returns true if the backend counts as away from now on. */
  failed(owner: string, { isUnreachable, nowMs }: { isUnreachable: boolean; nowMs: number }): boolean {
    if (this.#isAway) {
      this.#nextProbeMs = nowMs + PROBE_INTERVAL_MS;
      return false;
    }
    this.#failing.add(owner);
    if (!isUnreachable && this.#failing.size < FAILING_OWNERS) return false;
    this.#failing.clear();
    this.#isAway = true;
    this.#nextProbeMs = nowMs + PROBE_INTERVAL_MS;
    return true;
  }
}

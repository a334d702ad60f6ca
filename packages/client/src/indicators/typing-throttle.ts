// Chooses which of the application's typing calls are sent: it makes one per keystroke. Pure.

/** The throttle of one room. */
export class TypingThrottle {
  readonly #repeatMs: number;
  /** Time when the last start was sent; `undefined`: others do not see this user typing. */
  #startedAtMs: number | undefined;

  /** @param repeatMs an unchanged "is typing" is sent again after this time */
  constructor(repeatMs: number) {
    this.#repeatMs = repeatMs;
  }

  /** True when the call is to be sent. A change is always sent, an unchanged stop never. */
  accepts(isTyping: boolean, nowMs: number): boolean {
    if (!isTyping) {
      const wasTyping = this.#startedAtMs !== undefined;
      this.#startedAtMs = undefined;
      return wasTyping;
    }
    if (this.#startedAtMs !== undefined && nowMs - this.#startedAtMs < this.#repeatMs) return false;
    this.#startedAtMs = nowMs;
    return true;
  }

  /** Others no longer see this user typing: the next call is sent. */
  reset(): void {
    this.#startedAtMs = undefined;
  }
}

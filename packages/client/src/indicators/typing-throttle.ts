// Which of the application's typing calls are worth sending: one per keystroke comes in. Pure.

/** The throttle of one room. */
export class TypingThrottle {
  readonly #repeatMs: number;
  /** When the last start was sent; `undefined`: this user is not typing, as far as others know. */
  #startedAtMs: number | undefined;

  /** @param repeatMs an unchanged "is typing" is sent again after this long */
  constructor(repeatMs: number) {
    this.#repeatMs = repeatMs;
  }

  /** Whether to send it. A change is always sent, an unchanged stop never. */
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

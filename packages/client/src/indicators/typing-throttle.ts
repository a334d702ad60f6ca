// Limits the typing calls that are sent: the application makes one call per keystroke. The caller passes the time.

/** The throttle of one room. */
export class TypingThrottle {
  readonly #repeatMs: number;
  /** Time when "is typing" was last sent, or `undefined` if other users do not see this user typing. */
  #startedAtMs: number | undefined;

  /** @param repeatMs an unchanged "is typing" is sent again after this time */
  constructor(repeatMs: number) {
    this.#repeatMs = repeatMs;
  }

  /** True when the call must be sent. A change is always sent. An unchanged stop is never sent. */
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

  /** Records that other users no longer see this user typing. The next start is then sent. */
  reset(): void {
    this.#startedAtMs = undefined;
  }
}

/*
 * Limits how many invocations of one client run at a time. With one slot they run strictly in order.
 */

/** Slots are given in the order of the requests. */
export class InvocationSlots {
  #free: number;
  /** At most two waiters: the read loop of the connection, and the hook of a refresh. */
  readonly #waiting: ((slot: InvocationSlot) => void)[] = [];
  #running = 0;
  #whenIdle: (() => void) | undefined;

  /** @param count how many may run at a time */
  constructor(count: number) {
    this.#free = count;
  }

  /** A slot now, or undefined. */
  tryTake(): InvocationSlot | undefined {
    if (this.#free === 0) return undefined;
    this.#free -= 1;
    this.#running += 1;
    return new InvocationSlot(this);
  }

  /** A slot as soon as one is free. */
  async take(): Promise<InvocationSlot> {
    const slot = this.tryTake();
    if (slot !== undefined) return slot;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Resolves when no invocation runs. */
  async idle(): Promise<void> {
    while (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
  }

  /** @internal for {@link InvocationSlot} */
  giveBack(): void {
    this.#free += 1;
    const give = this.#waiting.shift();
    const slot = give === undefined ? undefined : this.tryTake();
    if (slot !== undefined) give?.(slot);
  }

  /** @internal for {@link InvocationSlot} */
  ended(): void {
    this.#running -= 1;
    if (this.#running > 0) return;
    const wake = this.#whenIdle;
    this.#whenIdle = undefined;
    wake?.();
  }
}

/** The slot of one running invocation. */
export class InvocationSlot {
  readonly #slots: InvocationSlots;
  #isHeld = true;

  constructor(slots: InvocationSlots) {
    this.#slots = slots;
  }

  /**
   * Allows the next invocation to begin while this one continues: an invocation that waits for its own client would otherwise prevent
   * the answer from being read.
   */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#slots.giveBack();
  }

  /** The invocation is over. Once only. */
  end(): void {
    this.release();
    this.#slots.ended();
  }
}

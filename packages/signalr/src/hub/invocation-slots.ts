/* Limits how many invocations of one client run at a time. A limit of one runs them strictly in order. */

/** The slots of one client. A slot goes to the request that came first. */
export class InvocationSlots {
  #free: number;
  /**
   * The requests that wait for a slot: the calls that were read ahead, and at most one request each of the connection's read loop and of
   * a refresh hook. Created on first use.
   */
  #waiting: ((slot: InvocationSlot) => void)[] | undefined;
  #running = 0;
  #whenIdle: (() => void) | undefined;

  /** @param count the maximum number of invocations that run at a time */
  constructor(count: number) {
    this.#free = count;
  }

  /** Returns a slot, or undefined if no slot is free. */
  tryTake(): InvocationSlot | undefined {
    if (this.#free === 0) return undefined;
    this.#free -= 1;
    this.#running += 1;
    return new InvocationSlot(this);
  }

  /** Resolves with a slot as soon as one is free. */
  async take(): Promise<InvocationSlot> {
    const slot = this.tryTake();
    if (slot !== undefined) return slot;
    return new Promise((resolve) => {
      this.#waiting ??= [];
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

  /** @internal called only by {@link InvocationSlot} */
  giveBack(): void {
    this.#free += 1;
    const give = this.#waiting?.shift();
    const slot = give === undefined ? undefined : this.tryTake();
    if (slot !== undefined) give?.(slot);
  }

  /** @internal called only by {@link InvocationSlot} */
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
   * Allows the next invocation to begin while this one continues. An invocation that waits for an answer of its own client
   * must release its slot. Otherwise the read loop could wait for the slot and never read that answer.
   */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#slots.giveBack();
  }

  /** Ends the invocation and releases its slot. Call it exactly once. */
  end(): void {
    this.release();
    this.#slots.ended();
  }
}

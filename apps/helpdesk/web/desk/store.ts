// A value that views can watch.

/** Holds an immutable state and tells whoever listens when it is another one. */
export class Store<State extends object> {
  #state: State;
  /** Bounded by the views that are mounted. */
  readonly #listeners = new Set<() => void>();
  #isTelling = false;

  constructor(state: State) {
    this.#state = state;
  }

  readonly get = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Replaces some fields, at once; listeners hear of it in a moment. */
  set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#isTelling) return;
    this.#isTelling = true;
    // Drawing waits until what has arrived is handled: else every event would wait for the picture of the one before, and
    // side by side one person's events for the other's picture.
    setTimeout(() => {
      this.#isTelling = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

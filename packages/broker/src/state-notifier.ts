// The state of a broker, and the listeners to its changes.
import type { BrokerState } from './port/broker.js';

type Listener = (state: BrokerState, cause?: Error) => void;

/** Holds one state. Listeners hear each change once, in order; `closed` is final. */
export class StateNotifier {
  #state: BrokerState = 'idle';
  /** Bounded by the callers: each listener has an owner that ends it. */
  readonly #listeners = new Set<Listener>();

  get state(): BrokerState {
    return this.#state;
  }

  change(state: BrokerState, cause?: Error): void {
    if (state === this.#state || this.#state === 'closed') return;
    this.#state = state;
    for (const listener of Array.from(this.#listeners)) listener(state, cause);
  }

  listen(listener: Listener): () => void {
    // A separate wrapper: the same function given twice is called twice, and each registration ends alone.
    const own: Listener = (state, cause) => listener(state, cause);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}

// The state of a broker, and the listeners that are called when the state changes.
import type { BrokerState } from './port/broker.js';

type Listener = (state: BrokerState, cause?: Error) => void;

/**
 * Keeps the state of a broker and calls every listener once per change, in order. `closed` is final: later changes are
 * ignored.
 */
export class StateNotifier {
  #state: BrokerState = 'idle';
  /** The listeners. Each caller removes its own listener, which limits the number of listeners. */
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
    // Each registration gets its own wrapper. Therefore a function that is registered twice is called twice, and each
    // registration is removed on its own.
    const own: Listener = (state, cause) => listener(state, cause);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}

// A zustand store that combines several changes into one call of its listeners.
import { createStore, type StoreApi } from 'zustand';

/**
 * Creates a store whose state changes immediately, but whose listeners run in the next task. The page therefore handles all events
 * that have arrived before it is drawn. Otherwise each event would wait until the page is drawn for the previous event. In the
 * side-by-side view, the events of one person would also wait for the drawing of the other side.
 */
export function createBatchedStore<State extends object>(initialState: State): StoreApi<State> {
  const store = createStore<State>(() => initialState);
  /** The mounted views limit the number of listeners. */
  const listeners = new Set<(state: State, previous: State) => void>();
  let isScheduled = false;
  store.subscribe((_state, previous) => {
    if (isScheduled) return;
    isScheduled = true;
    setTimeout(() => {
      isScheduled = false;
      for (const listener of listeners) listener(store.getState(), previous);
    });
  });
  return {
    ...store,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

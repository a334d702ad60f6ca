// A zustand store that combines several changes into one call of its listeners.
import { createStore, type StoreApi } from 'zustand';

/**
 * Creates a store whose state changes immediately, but whose listeners run in the next task. Therefore the
 * page is drawn once after all events that have arrived, not once after each event.
 */
export function createBatchedStore<State extends object>(initialState: State): StoreApi<State> {
  const store = createStore<State>(() => initialState);
  /** There are never more listeners than mounted views. */
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

// A zustand store that reports several changes to its listeners at once.
import { createStore, type StoreApi } from 'zustand';

/**
 * Creates a store whose state changes at once and whose listeners run in the next task. The page therefore handles all
 * events that have arrived before it is drawn. Otherwise each event would wait until the previous one is drawn, and,
 * side by side, the events of one person would wait for the drawing of the other.
 */
export function createBatchedStore<State extends object>(initialState: State): StoreApi<State> {
  const store = createStore<State>(() => initialState);
  /** Bounded by the views that are mounted. */
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

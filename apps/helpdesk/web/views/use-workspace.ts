// Desks in views: one lives as long as its person is on the page.
import { createContext, useContext, useEffect, useMemo } from 'react';
import { useStore } from 'zustand';
import type { Person } from '../../src/api-types.js';
import type { DeskState, PeopleById } from '../state/workspace-state.js';
import { Desk } from '../workspace/workspace.js';

/** Opens a person's desk and closes it with the view. */
export function useNewDesk(person: Person, people: PeopleById, ticketId: string | null): Desk {
  // The ticket is where it begins; later the desk itself knows which is open.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  const desk = useMemo(() => new Desk(person, people, ticketId), [person, people]);
  useEffect(() => {
    // React calls effects twice while developing: what was closed at once is opened again.
    void desk.open();
    return () => void desk.close();
  }, [desk]);
  return desk;
}

/**
 * A part of what a desk shows. The view is drawn again only when this part is another one, so `select` gives what is in
 * the state, or a plain value, never a new object.
 */
export function useStateOf<Part>(desk: Desk, select: (state: DeskState) => Part): Part {
  return useStore(desk.store, select);
}

const DeskContext = createContext<Desk | null>(null);

/** Gives a desk to the views inside. */
export const DeskProvider = DeskContext.Provider;

/** The desk around this view. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error('there is no desk around this view');
  return desk;
}

/** {@link useStateOf} of the desk around this view. */
export function useDeskState<Part>(select: (state: DeskState) => Part): Part {
  return useStateOf(useDesk(), select);
}

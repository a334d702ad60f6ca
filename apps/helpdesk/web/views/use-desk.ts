// Desks in views: one lives as long as its person is on the page.
import { createContext, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Person } from '../../src/api-types.js';
import { Desk } from '../desk/desk.js';
import type { DeskState, PeopleById } from '../desk/desk-state.js';

/** A desk and what it shows now. */
export interface ShownDesk {
  readonly desk: Desk;
  readonly state: DeskState;
}

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

/** What a desk shows. */
export function useDeskState(desk: Desk): DeskState {
  return useSyncExternalStore(desk.store.subscribe, desk.store.get);
}

const DeskContext = createContext<ShownDesk | null>(null);

/** Gives a desk to the views inside. */
export const DeskProvider = DeskContext.Provider;

/** The desk around this view. */
export function useDesk(): ShownDesk {
  const shown = useContext(DeskContext);
  if (shown === null) throw new Error('there is no desk around this view');
  return shown;
}

// Gives views the session of their person.
import { createContext, useCallback, useContext } from 'react';
import type { Person } from '../../src/api-types.js';
import { type PeopleById, PersonSession } from './person-session.js';
import { type Answer, useAnswer } from './use-answer.js';

/** Opens the session of a person while the person is on the page. */
export function useNewSession(person: Person, people: PeopleById): Answer<PersonSession> {
  return useAnswer(useCallback(() => PersonSession.open(person, people), [person, people]));
}

const SessionContext = createContext<PersonSession | null>(null);

/** Provides a session to the views inside. */
export const SessionProvider = SessionContext.Provider;

/** Returns the session around this view. */
export function useSession(): PersonSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('useSession() needs a SessionProvider around the view.');
  return session;
}

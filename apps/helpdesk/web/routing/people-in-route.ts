// Who is on the page, by its address; and where the links to the other views lead, so that nobody is asked twice. Pure.
import type { Person, Role } from '../../src/api-types.js';
import type { Route } from './page-route.js';

/** The person on a side of the page; side by side, the first of a role unless another is named. `undefined`: to be chosen. */
export function personOn(route: Route, role: Role, people: readonly Person[]): Person | undefined {
  const isNamed = (person: Person, username: string | null): boolean =>
    person.role === role && person.username === username;
  if (route.view === role) return people.find((person) => isNamed(person, route.as));
  if (route.view !== 'split') return undefined;
  return (
    people.find((person) => isNamed(person, route[role])) ?? people.find((person) => person.role === role)
  );
}

/** The route of another view of the same ticket, with the people who are on the page now. */
export function routeTo(view: Route['view'], route: Route, people: readonly Person[]): Route {
  const { ticketId } = route;
  const nobody = { as: null, agent: null, requester: null };
  if (view !== 'split')
    return { ...nobody, view, ticketId, as: personOn(route, view, people)?.username ?? null };
  if (route.view === 'split') return route;
  return { ...nobody, view, ticketId, [route.view]: route.as };
}

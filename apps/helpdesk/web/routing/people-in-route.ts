// Finds the people in an address, and keeps them in the links to other views. Pure functions.
import type { Person, Role } from '../../src/api-types.js';
import type { PageRoute } from './page-route.js';

/**
 * Returns the person of a role in a route. In the side-by-side view, this is the first person of the role unless the route names
 * another. Returns `undefined` if the page must ask for the person.
 */
export function personInRoute(route: PageRoute, role: Role, people: readonly Person[]): Person | undefined {
  const isNamed = (person: Person, username: string | null): boolean =>
    person.role === role && person.username === username;
  if (route.view === role) return people.find((person) => isNamed(person, route.as));
  if (route.view !== 'split') return undefined;
  return (
    people.find((person) => isNamed(person, route[role])) ?? people.find((person) => person.role === role)
  );
}

/** Returns the route to another view of the same ticket, with the people who are on the page now. */
export function routeToView(view: PageRoute['view'], route: PageRoute, people: readonly Person[]): PageRoute {
  const { ticketId } = route;
  const noPeople = { as: null, agent: null, requester: null };
  if (view !== 'split')
    return { ...noPeople, view, ticketId, as: personInRoute(route, view, people)?.username ?? null };
  if (route.view === 'split') return route;
  return { ...noPeople, view, ticketId, [route.view]: route.as };
}

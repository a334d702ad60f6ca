// The page's addresses: / (side by side), /agent and /requester (alone), each with the ticket that is open and who is
// signed in. Everything one sees can be bookmarked.
import { useRoute as usePathParams, useSearch } from 'wouter';
import { navigate as navigateToPath } from 'wouter/use-browser-location';
import type { Role } from '../../src/api-types.js';

/** Where the page is. */
export interface Route {
  readonly view: 'split' | Role;
  readonly ticketId: string | null;
  /** Username of the person alone, or of the agent and of the requester. */
  readonly as: string | null;
  readonly agent: string | null;
  readonly requester: string | null;
}

/** The address of a route. */
export function pathOf(route: Partial<Route> & Pick<Route, 'view'>): string {
  const { view, ticketId, as, agent, requester } = route;
  const path = view === 'split' ? '/' : `/${view}${ticketId ? `/${ticketId}` : ''}`;
  const query = new URLSearchParams();
  if (view === 'split') {
    if (agent) query.set('agent', agent);
    if (requester) query.set('requester', requester);
    if (ticketId) query.set('ticket', ticketId);
  } else if (as) query.set('as', as);
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Goes to a route. With `replace` the address changes, but the history gets no new entry. */
export function navigate(
  route: Partial<Route> & Pick<Route, 'view'>,
  options: { readonly replace?: boolean } = {},
): void {
  const path = pathOf(route);
  if (path !== location.pathname + location.search) navigateToPath(path, options);
}

/** The current route. */
export function useRoute(): Route {
  const [, params] = usePathParams('/:view?/:ticketId?');
  const query = new URLSearchParams(useSearch());
  const view = params?.view === 'agent' || params?.view === 'requester' ? params.view : 'split';
  return {
    view,
    ticketId: (view === 'split' ? query.get('ticket') : params?.ticketId) || null,
    as: query.get('as'),
    agent: query.get('agent'),
    requester: query.get('requester'),
  };
}

// The page's addresses: / (two people side by side), /agent and /requester (one person). Each address contains the open ticket and
// the people, so every view can be bookmarked.
import { useRoute as usePathParams, useSearch } from 'wouter';
import { navigate as navigateToPath } from 'wouter/use-browser-location';
import type { Role } from '../../src/api-types.js';

/** The view, the open ticket and the people of an address. */
export interface PageRoute {
  readonly view: 'split' | Role;
  readonly ticketId: string | null;
  /** Usernames: `as` in a view of one person, `agent` and `requester` in the side-by-side view. */
  readonly as: string | null;
  readonly agent: string | null;
  readonly requester: string | null;
}

/** Opens a ticket, or the list of tickets (null). The ID of the ticket's requester is given if it is known. */
export type OpenTicket = (ticketId: string | null, requesterId?: string) => void;

/** Returns the address of a route. */
export function pathOf(route: Partial<PageRoute> & Pick<PageRoute, 'view'>): string {
  const { view, ticketId, as, agent, requester } = route;
  const path = view === 'split' ? '/' : `/${view}${ticketId ? `/${encodeURIComponent(ticketId)}` : ''}`;
  const query = new URLSearchParams();
  if (view === 'split') {
    if (agent) query.set('agent', agent);
    if (requester) query.set('requester', requester);
    if (ticketId) query.set('ticket', ticketId);
  } else if (as) query.set('as', as);
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Navigates to a route. With `replace` the history gets no new entry. */
export function navigate(
  route: Partial<PageRoute> & Pick<PageRoute, 'view'>,
  options: { readonly replace?: boolean } = {},
): void {
  const path = pathOf(route);
  if (path !== location.pathname + location.search) navigateToPath(path, options);
}

/** The route of the page that a visitor without an address gets. */
export const startRoute: PageRoute = {
  view: 'split',
  ticketId: null,
  as: null,
  agent: null,
  requester: null,
};

/** The current route, or `null` if there is no page at the current address. */
export function usePageRoute(): PageRoute | null {
  const [isKnown, params] = usePathParams('/:view?/:ticketId?');
  const query = new URLSearchParams(useSearch());
  const view = viewOf(params?.view);
  if (!isKnown || view === undefined) return null;
  return {
    view,
    ticketId: (view === 'split' ? query.get('ticket') : params.ticketId) || null,
    as: query.get('as'),
    agent: query.get('agent'),
    requester: query.get('requester'),
  };
}

function viewOf(name: string | undefined): PageRoute['view'] | undefined {
  if (!name) return 'split';
  return name === 'agent' || name === 'requester' ? name : undefined;
}

// The page's addresses: / (side by side), /agent and /requester (alone), each with the ticket that is open and who is
// signed in. Everything one sees can be bookmarked.
import { useSyncExternalStore } from 'react';
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

/** Reads an address. */
function parseRoute(url: URL): Route {
  const [, first = '', second] = url.pathname.split('/');
  const view = first === 'agent' || first === 'requester' ? first : 'split';
  const query = url.searchParams;
  return {
    view,
    ticketId: (view === 'split' ? query.get('ticket') : second) || null,
    as: query.get('as'),
    agent: query.get('agent'),
    requester: query.get('requester'),
  };
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

const changed = new EventTarget();

/** Goes to a route. `isStep` false: the address changes, but there is nothing to go back to. */
export function navigate(route: Partial<Route> & Pick<Route, 'view'>, isStep = true): void {
  const path = pathOf(route);
  if (path === location.pathname + location.search) return;
  history[isStep ? 'pushState' : 'replaceState'](null, '', path);
  changed.dispatchEvent(new Event('change'));
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('popstate', listener);
  changed.addEventListener('change', listener);
  return () => {
    window.removeEventListener('popstate', listener);
    changed.removeEventListener('change', listener);
  };
}

/** The current route. */
export function useRoute(): Route {
  const href = useSyncExternalStore(subscribe, () => location.href);
  return parseRoute(new URL(href));
}

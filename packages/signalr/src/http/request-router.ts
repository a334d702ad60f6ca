/*
 * From a request's path to the endpoint that takes it, or to none.
 */
import type { HubEndpoint, RoutedTarget } from './hub-endpoint.js';
import { parseRequestTarget, pathKey, requestPath } from './request-target.js';

/** An endpoint whose hub's types no longer matter. */
export type AnyHubEndpoint = Pick<
  HubEndpoint<unknown, unknown, unknown>,
  'handle' | 'upgrade' | 'canRefresh' | 'connections' | 'lives' | 'stopAccepting' | 'close'
>;

/** The endpoint for a request, and what the request asks of it. */
export interface Route extends RoutedTarget {
  readonly endpoint: AnyHubEndpoint;
}

/** @param endpoints by `pathKey` of their path */
export function findRoute(
  endpoints: ReadonlyMap<string, AnyHubEndpoint>,
  url: string | undefined,
): Route | undefined {
  const key = pathKey(requestPath(url));
  const endpoint = endpoints.get(key);
  if (endpoint !== undefined) return { endpoint, target: parseRequestTarget(url), action: 'connect' };
  for (const action of ['negotiate', 'refresh'] as const) {
    const parent = key.endsWith(`/${action}`)
      ? endpoints.get(key.slice(0, -action.length - 1) || '/')
      : undefined;
    // Where refreshing is off, the path is the application's own.
    if (parent === undefined || (action === 'refresh' && !parent.canRefresh)) continue;
    return { endpoint: parent, target: parseRequestTarget(url), action };
  }
  return undefined;
}

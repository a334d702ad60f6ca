/*
 * Finds the hub's endpoint that a request is for, by its path.
 */
import type { HubEndpoint, RoutedTarget } from './hub-endpoint.js';
import { parseRequestTarget, pathKey, requestPath } from './request-target.js';

/** An endpoint with its hub's types erased. */
export type AnyHubEndpoint = Pick<
  HubEndpoint<unknown, unknown, unknown>,
  'handle' | 'upgrade' | 'canRefresh' | 'connections' | 'lives' | 'stopAccepting' | 'close'
>;

/** The endpoint for a request, and the action that the request asks of it. */
export interface Route extends RoutedTarget {
  readonly endpoint: AnyHubEndpoint;
}

/** The endpoints of a server by their paths, which are compared without regard to case and trailing slash. */
export class RequestRouter {
  /** By `pathKey`. As many as the program maps. */
  readonly #endpoints = new Map<string, AnyHubEndpoint>();

  get endpoints(): readonly AnyHubEndpoint[] {
    return [...this.#endpoints.values()];
  }

  has(path: string): boolean {
    return this.#endpoints.has(pathKey(path));
  }

  add(path: string, endpoint: AnyHubEndpoint): void {
    this.#endpoints.set(pathKey(path), endpoint);
  }

  clear(): void {
    this.#endpoints.clear();
  }

  /** Undefined for a request of the application's own. */
  find(url: string | undefined): Route | undefined {
    const key = pathKey(requestPath(url));
    const endpoint = this.#endpoints.get(key);
    if (endpoint !== undefined) return { endpoint, target: parseRequestTarget(url), action: 'connect' };
    for (const action of ['negotiate', 'refresh'] as const) {
      const parent = key.endsWith(`/${action}`)
        ? this.#endpoints.get(key.slice(0, -action.length - 1) || '/')
        : undefined;
      // Where refreshing is off, the path is the application's own.
      if (parent === undefined || (action === 'refresh' && !parent.canRefresh)) continue;
      return { endpoint: parent, target: parseRequestTarget(url), action };
    }
    return undefined;
  }
}

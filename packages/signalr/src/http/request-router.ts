/*
 * Finds the endpoint of a request by the request's path.
 */
import type { HubEndpoint, RoutedTarget } from './hub-endpoint.js';
import { parseRequestTarget, pathKey, requestPath } from './request-target.js';

/** An endpoint without the type parameter of its users. */
export type AnyHubEndpoint = Pick<
  HubEndpoint<unknown>,
  'handle' | 'upgrade' | 'canRefresh' | 'connections' | 'lives' | 'stopAccepting' | 'close'
>;

/** The endpoint for a request, and the action that the request asks for. */
export interface Route extends RoutedTarget {
  readonly endpoint: AnyHubEndpoint;
}

/** The endpoints of a server by their paths. Case and a trailing slash make no difference. */
export class RequestRouter {
  /** The endpoints by `pathKey`: one for each hub and each raw handler that the program maps. */
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

  /** Finds the route of a request's URL. Returns undefined if the request belongs to the application. */
  find(url: string | undefined): Route | undefined {
    const key = pathKey(requestPath(url));
    const endpoint = this.#endpoints.get(key);
    if (endpoint !== undefined) return { endpoint, target: parseRequestTarget(url), action: 'connect' };
    for (const action of ['negotiate', 'refresh'] as const) {
      const parent = key.endsWith(`/${action}`)
        ? this.#endpoints.get(key.slice(0, -action.length - 1) || '/')
        : undefined;
      // If the hub does not accept fresh credentials, the path belongs to the application.
      if (parent === undefined || (action === 'refresh' && !parent.canRefresh)) continue;
      return { endpoint: parent, target: parseRequestTarget(url), action };
    }
    return undefined;
  }
}

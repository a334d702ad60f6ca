// Finds the methods that the path of a request has, so that a request with another method is answered with 405 (RFC 9110, section
// 15.5.6) and not as if the path did not exist.
import type { FastifyInstance } from 'fastify';

interface KnownRoute {
  /** The parts of the path between slashes. `undefined` for a part that may have any value. */
  readonly parts: readonly (string | undefined)[];
  readonly methods: Set<string>;
}

/**
 * The routes of a server, those of an application included. A route with a wildcard, a pattern or an optional part is left out: whether
 * a path exists there is known only to the handler of the route.
 */
export class KnownRoutes {
  /** By path, as the routes were added. As many as the program adds. */
  readonly #routes = new Map<string, KnownRoute>();

  /** Remembers every route that is added to the server from now on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const route = this.#routes.get(url) ?? knownRouteOf(url);
      if (route === undefined) return;
      this.#routes.set(url, route);
      for (const name of [method].flat()) route.methods.add(name);
    });
  }

  /** Returns the methods of the path that a URL has, in order. Empty if no known route has this path. */
  methodsOf(url: string): readonly string[] {
    const parts = partsOf(url.split(/[?#]/, 1)[0] ?? '').map(decoded);
    const matching = [...this.#routes.values()].filter((route) => matches(route, parts));
    return [...new Set(matching.flatMap(({ methods }) => [...methods]))].sort();
  }
}

function knownRouteOf(url: string): KnownRoute | undefined {
  const parts = partsOf(url);
  // `:name` alone is a part of any value. All other special characters of the router belong to patterns.
  const isPlain = parts.every((part) => /^:\w+$/.test(part) || !/[:*?()]/.test(part));
  if (!isPlain) return undefined;
  return { parts: parts.map((part) => (part.startsWith(':') ? undefined : part)), methods: new Set() };
}

function matches({ parts }: KnownRoute, given: readonly string[]): boolean {
  if (parts.length !== given.length) return false;
  return parts.every((part, index) => part === undefined || part === given[index]);
}

function partsOf(path: string): readonly string[] {
  return path.split('/').slice(1);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // The router has refused such a path already.
    return part;
  }
}

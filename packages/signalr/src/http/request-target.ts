/* Reads the path and the query of a request. The case of paths and query keys does not matter, as in ASP.NET Core. */

/** The path and the query of a request. @beta */
export interface RequestTarget {
  readonly path: string;
  /** Query values by their keys. Keys are in lower case. The values of a repeated key are joined by commas. */
  readonly query: ReadonlyMap<string, string>;
}

const NO_QUERY: ReadonlyMap<string, string> = new Map();

/**
 * Returns the path of a URL. Does not parse the query, because the request may belong to the application. Never throws for
 * any URL.
 */
export function requestPath(url: string | undefined): string {
  const target = stripOrigin(url ?? '/');
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** Returns the path and the query of a URL. Never throws for any URL. @beta */
export function parseRequestTarget(url: string | undefined): RequestTarget {
  const path = requestPath(url);
  const mark = url?.indexOf('?') ?? -1;
  if (url === undefined || mark < 0) return { path, query: NO_QUERY };
  const query = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(url.slice(mark + 1))) {
    const lowered = key.toLowerCase();
    const earlier = query.get(lowered);
    query.set(lowered, earlier === undefined ? value : `${earlier},${value}`);
  }
  return { path, query };
}

/** Returns a path in the form in which paths are compared: decoded, in lower case, without a trailing slash. */
export function pathKey(path: string): string {
  const lowered = decodePath(path).toLowerCase();
  return lowered.length > 1 && lowered.endsWith('/') ? lowered.slice(0, -1) : lowered;
}

/**
 * Decodes a path. An encoded slash stays encoded, as in ASP.NET Core, because it does not separate segments. A path whose
 * bytes are not UTF-8 stays encoded as a whole.
 */
function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return path.split(/%2f/i).map(decodeURIComponent).join('%2F');
  } catch {
    return path; // no hub has such a path
  }
}

/**
 * Returns the path and query of a URL in absolute form (`http://host/path`), which a client sends to a proxy. Other URLs stay
 * unchanged.
 */
function stripOrigin(url: string): string {
  if (url.startsWith('/')) return url;
  const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*(.*)$/i.exec(url);
  const rest = match?.[1] ?? url;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

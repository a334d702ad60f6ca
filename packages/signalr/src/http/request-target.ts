/*
 * Path and query of a request, compared without regard to case, as in ASP.NET Core.
 */

/** A request target taken apart. */
export interface RequestTarget {
  readonly path: string;
  /** Keys in lower case; the values of a repeated key are joined by commas. */
  readonly query: ReadonlyMap<string, string>;
}

const NO_QUERY: ReadonlyMap<string, string> = new Map();

/** The path alone, for requests that may be the application's. Never throws, whatever the client sent. */
export function requestPath(url: string | undefined): string {
  const target = stripOrigin(url ?? '/');
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** Path and query. Never throws, whatever the client sent. */
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

/** The form in which paths are compared: decoded, lower case, no trailing slash. */
export function pathKey(path: string): string {
  const lowered = decodePath(path).toLowerCase();
  return lowered.length > 1 && lowered.endsWith('/') ? lowered.slice(0, -1) : lowered;
}

/** An encoded slash stays encoded, as in ASP.NET Core: it separates nothing. Bytes that are not UTF-8 stay encoded. */
function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return path.split(/%2f/i).map(decodeURIComponent).join('%2F');
  } catch {
    return path; // not the path of a hub either
  }
}

/** A proxy's absolute form (`http://host/path`) is reduced to its path. */
function stripOrigin(url: string): string {
  if (url.startsWith('/')) return url;
  const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*(.*)$/i.exec(url);
  const rest = match?.[1] ?? url;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

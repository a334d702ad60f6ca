// Checks single settings. A part of a setting that would have no effect is refused by name. If it were ignored silently, the
// operator would notice much later. Messages never repeat a value that may contain a secret. Pure.

/** Parts of an address that only some settings use. */
export type UrlPart = 'path' | 'query';

/** Describes the fault of an `http(s)://` address. Returns `undefined` for a valid address. */
export function faultOfHttpUrl(text: string, allowed: readonly UrlPart[]): string | undefined {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    return 'must be an address that begins with http:// or https://';
  const { username, password, pathname, search, hash } = new URL(text);
  const unused = [
    ...(username + password === '' ? [] : ['a user or password']),
    ...(pathname === '/' || allowed.includes('path') ? [] : ['a path']),
    ...(search === '' || allowed.includes('query') ? [] : ['a query']),
    ...(hash === '' ? [] : ['a fragment (#…)']),
  ];
  return unused.length === 0 ? undefined : `has ${unused.join(' and ')}, which is not used: remove it`;
}

/** Checks that a secret has at least 256 bits, as RFC 7518, section 3.2, requires of an HS256 key. */
export function faultOfSecret(secret: string): string | undefined {
  if (secret !== secret.trim())
    return 'begins or ends with spaces or line breaks: remove them, here and wherever tokens are signed with it';
  if (Buffer.byteLength(secret) >= 32) return undefined;
  return 'must have at least 32 bytes; `openssl rand -hex 32` makes a good one';
}

/** Describes the fault of an API key. Returns `undefined` if clients can send the key. */
export function faultOfApiKey(key: string): string | undefined {
  if (key.length < 16) return 'must have at least 16 characters';
  if (/\s/.test(key)) return 'must have no spaces: keys are separated by commas';
  // A key with other characters would never match, because a header cannot contain them.
  return /^[!-~]+$/.test(key) ? undefined : 'must consist of printable ASCII characters';
}

/** Describes the fault of an origin. Returns `undefined` if a browser or an app can send the origin. */
export function faultOfOrigin(origin: string): string | undefined {
  if (origin === '*' || origin === 'null') return undefined;
  if (/^file:/i.test(origin)) return 'can never match: pages of files send "null"; list null if you mean it';
  if (origin.includes('*')) return 'can never match: only * alone matches any origin; list each origin';
  const expected = URL.canParse(origin) ? originOf(new URL(origin)) : undefined;
  if (expected === origin.toLowerCase()) return undefined;
  const hint = expected ?? 'https://app.example';
  return `can never match. Write origins as browsers send them: ${hint}`;
}

/**
 * Returns the origin as browsers and apps (`capacitor://localhost`) send it: scheme, host, and the port unless it is the
 * scheme's default.
 */
function originOf({ origin, protocol, host, hostname }: URL): string | undefined {
  if (/^https?:$/.test(protocol)) return origin;
  return hostname === '' ? undefined : `${protocol}//${host}`.toLowerCase();
}

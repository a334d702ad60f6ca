// Recognises host names of this machine. Pure.

/**
 * True when a host as browsers write it is this machine: `localhost` and names below it (RFC 6761, section 6.3), 127.0.0.0/8, `[::1]`.
 * Any other name may belong to somebody else, even if it resolves to this machine (DNS rebinding).
 */
export function isLoopbackName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    /^127(?:\.\d{1,3}){3}$/.test(name) ||
    name === '[::1]' ||
    // 127.0.0.0/8 as an IPv6 address.
    /^\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\]$/.test(name)
  );
}

/** The same for a `Host` header, with or without a port. Other spellings of an address are read as browsers read them. */
export function isLoopbackHost(host: string): boolean {
  const url = `http://${host}`;
  // A `Host` header holds host and port and nothing else.
  return /^[^/?#@\\\s]+$/.test(host) && URL.canParse(url) && isLoopbackName(new URL(url).hostname);
}

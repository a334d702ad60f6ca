// Recognises host names of this machine. Pure.

/**
 * True if a host name, as browsers spell it, always means this machine: `localhost` and names below it (RFC 6761, section
 * 6.3), 127.0.0.0/8, and `[::1]`. Any other name may belong to somebody else, even if it resolves to this machine (DNS
 * rebinding).
 */
export function isLoopbackName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    /^127(?:\.\d{1,3}){3}$/.test(name) ||
    name === '[::1]' ||
    // An address of 127.0.0.0/8 in the form of an IPv6 address.
    /^\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\]$/.test(name)
  );
}

/** True when a `Host` header, with or without a port, names this machine. `URL` reads unusual spellings as browsers do. */
export function isLoopbackHost(host: string): boolean {
  const url = `http://${host}`;
  // A valid `Host` header consists only of a host and a port.
  return /^[^/?#@\\\s]+$/.test(host) && URL.canParse(url) && isLoopbackName(new URL(url).hostname);
}

// Finds the address of the client that sent a request. Only proxies that an operator has named are believed, because anybody
// can write any address into a header.
import { BlockList, isIP } from 'node:net';
import type { RequestInfo } from '@millrace/signalr';

/** Names for ranges of addresses, as Express and Fastify know them. */
const namedRanges: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** The entry that says that there is no proxy. */
const NO_PROXY = 'none';

/**
 * Headers that a proxy adds. A client that sends them itself only loses the limits of its address. It keeps those of its
 * connection.
 */
const forwardingHeaders = [
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'via',
] as const;

/** Marks a request that another gateway has forwarded (`instanceUrl`). */
const fromGatewayHeader = 'x-signalr-forwarded';

/** Describes the fault of an entry of the trusted proxies. `undefined` for an address, a range in CIDR notation, or a name. */
export function faultOfTrustedProxy(entry: string): string | undefined {
  if (entry === NO_PROXY || Object.hasOwn(namedRanges, entry)) return undefined;
  const range = rangeOf(entry);
  if (range === undefined)
    return `is not an address, a range such as 10.0.0.0/8, ${Object.keys(namedRanges).join(', ')} or ${NO_PROXY}`;
  if (range.prefix > 0) return undefined;
  return 'trusts everybody, so that each client could choose the address that counts for it';
}

/**
 * The address of a client. `undeclared_proxy`: it is unknown, because the request came through a proxy that no operator has
 * named.
 */
export type ClientAddress =
  | { readonly kind: 'known'; readonly address: string }
  | { readonly kind: 'unknown' | 'undeclared_proxy' };

/** Finds the addresses of clients. */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  readonly #isDeclared: boolean;

  /** @param trustedProxies valid entries. Without any, a request with forwarding headers comes from an undeclared proxy */
  constructor(trustedProxies: readonly string[]) {
    this.#isDeclared = trustedProxies.length > 0;
    for (const entry of trustedProxies.flatMap((name) => namedRanges[name] ?? [name])) {
      const range = rangeOf(entry);
      if (range !== undefined) this.#trusted.addSubnet(range.address, range.prefix, range.family);
    }
  }

  /** Returns the address of the client. `X-Forwarded-For` is read from the right, past the addresses of trusted proxies. */
  of({ remoteAddress, headers }: Pick<RequestInfo, 'remoteAddress' | 'headers'>): ClientAddress {
    let address = addressIn(remoteAddress ?? '');
    if (address === undefined) return { kind: 'unknown' };
    if (!this.#isTrusted(address)) {
      if (this.#isDeclared || !forwardingHeaders.some((name) => headers[name] !== undefined))
        return { kind: 'known', address };
      return { kind: headers[fromGatewayHeader] === undefined ? 'undeclared_proxy' : 'unknown' };
    }
    const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    for (const hop of hops.toReversed()) {
      const next = addressIn(hop);
      // A trusted proxy that does not name its client stands for the client.
      if (next === undefined) break;
      address = next;
      if (!this.#isTrusted(address)) break;
    }
    return { kind: 'known', address };
  }

  #isTrusted(address: string): boolean {
    return this.#trusted.check(address, familyOf(address));
  }
}

/**
 * Returns the part of an address that counts for limits. The owner of an IPv6 address usually has all addresses with the same
 * first 64 bits.
 */
export function limitedPartOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...(tail ?? '').split(':')];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** Reads an address with or without a port or a zone. An IPv4 address in the form of an IPv6 address is returned as IPv4. */
function addressIn(text: string): string | undefined {
  const trimmed = text.trim();
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed) ?? [];
  const [, beforePort] = /^([\d.]+):\d+$/.exec(trimmed) ?? [];
  const address = (bracketed ?? beforePort ?? trimmed).replace(/%.*$/, '').toLowerCase();
  const [, mapped] = /^::ffff:([\d.]+)$/.exec(address) ?? [];
  const plain = mapped ?? address;
  return isIP(plain) === 0 ? undefined : plain;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function rangeOf(
  entry: string,
): { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' } | undefined {
  const [, text = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const address = isIP(text) === 0 ? undefined : addressIn(text);
  if (address === undefined) return undefined;
  const family = familyOf(address);
  const maxPrefix = family === 'ipv4' ? 32 : 128;
  // A range of IPv4 addresses in the form of IPv6 addresses has a prefix that is 96 bits longer.
  const prefix =
    digits === undefined ? maxPrefix : Number(digits) - (address === text.toLowerCase() ? 0 : 96);
  return prefix >= 0 && prefix <= maxPrefix ? { address, prefix, family } : undefined;
}

// The address of Redis: one server, or several nodes of a cluster to begin with. Pure.
import { BrokerError } from '../errors.js';

/** `host:port`, an IPv6 host in brackets. */
export type NodeAddress = string;

const DEFAULT_PORT = 6379;
const MAX_SEEDS = 64;

/** What the nodes of one cluster have in common, and where to begin. */
export interface RedisUrl {
  /** Each one complete, with the credentials and the database of the whole. */
  readonly urls: readonly string[];
  readonly seeds: readonly NodeAddress[];
  /** The URL of any node, with the same protocol and credentials. */
  readonly urlOf: (address: NodeAddress) => string;
}

/**
 * Reads `redis[s]://[[user][:password]@]host[:port][,host[:port]…][/database]`.
 * @throws BrokerError `invalid_argument`; the URL is not repeated: it may hold a password
 */
export function parseRedisUrl(url: string): RedisUrl {
  const [, protocol, credentials = '', hosts = '', path = ''] =
    /^(rediss?:)\/\/([^/]*@)?([^/@]+)(\/.*)?$/.exec(url) ?? [];
  const names = hosts.split(',');
  if (protocol === undefined || names.length > MAX_SEEDS) throw invalidUrl();
  const urls = names.map((name) => `${protocol}//${credentials}${name}${path}`);
  if (names.includes('') || !urls.every((one) => URL.canParse(one))) throw invalidUrl();
  return {
    urls,
    seeds: urls.map((one) => {
      const { hostname, port } = new URL(one);
      return `${hostname}:${port === '' ? DEFAULT_PORT : port}`;
    }),
    urlOf: (address) => `${protocol}//${credentials}${address}`,
  };
}

function invalidUrl(): BrokerError {
  return new BrokerError(
    'invalid_argument',
    'url must begin with redis:// or rediss:// and name a host, or several hosts separated by commas',
  );
}

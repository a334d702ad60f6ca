// Reads the URL of Redis, which names one server or several nodes of a cluster. Pure.
import { BrokerError } from '../../errors.js';

/** Address of a node: `host:port`, with an IPv6 host in brackets. */
export type NodeAddress = string;

const DEFAULT_PORT = 6379;
const MAX_SEEDS = 64;

/** The URLs of one server, or of several nodes of one cluster. */
export interface RedisUrl {
  /** One complete URL per host, each with the credentials and the database. */
  readonly urls: readonly string[];
  readonly seeds: readonly NodeAddress[];
  /** The URL of any node, with the same protocol and credentials. */
  readonly urlOf: (address: NodeAddress) => string;
}

/**
 * Reads `redis[s]://[[user][:password]@]host[:port][,host[:port]…][/database]`. Refuses any other part and names it in the error,
 * because ignoring a part such as `?db=3` would send data to the wrong place.
 * @throws BrokerError `invalid_argument`. The message does not repeat the URL, because the URL may contain a password.
 */
export function parseRedisUrl(url: string): RedisUrl {
  const { protocol, credentials, hosts, path } = splitUrl(url);
  const names = hosts.split(',');
  if (names.length > MAX_SEEDS) throw invalid(`names more than ${MAX_SEEDS} hosts`);
  checkDatabase(path, names.length);
  const urls = names.map((name) => `${protocol}//${credentials}${name}${path}`);
  if (names.some((name) => /^(:|$)/.test(name)) || !urls.every((one) => URL.canParse(one))) throw notAnUrl();
  return {
    urls,
    seeds: urls.map((one) => {
      const { hostname, port } = new URL(one);
      return `${hostname}:${port === '' ? DEFAULT_PORT : port}`;
    }),
    urlOf: (address) => `${protocol}//${credentials}${address}`,
  };
}

/** The parts of a URL. A URL with other parts is refused. */
interface SplitUrl {
  readonly protocol: string;
  /** User and password with the `@` at the end; empty if the URL has none. */
  readonly credentials: string;
  readonly hosts: string;
  readonly path: string;
}

function splitUrl(url: string): SplitUrl {
  if (/^(?:\/|(?:unix|redis\+unix|rediss?\+socket|redis-socket):)/i.test(url)) {
    throw invalid('is a Unix socket, which is not supported: name the host and port of Redis');
  }
  if (/^rediss?[-+]sentinel:/i.test(url)) {
    throw invalid('names a Sentinel, which is not supported: name the master that it knows');
  }
  const [, protocol, rest = ''] = /^(rediss?:)\/\/(.*)$/s.exec(url) ?? [];
  if (protocol === undefined) throw notAnUrl();
  const [, authority = '', path = '', query, fragment] =
    /^([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(rest) ?? [];
  // If an `@` follows later, the `/`, `?` or `#` that seems to end the host belongs to the user or password.
  if (rest.lastIndexOf('@') > authority.length) {
    throw invalid(`has a /, ? or # in its user or password: write it as %2F, %3F or %23`);
  }
  if (query !== undefined) throw unknownParameters(query);
  if (fragment !== undefined) throw invalid('has a fragment (#…), which means nothing here: take it out');
  const end = authority.lastIndexOf('@') + 1;
  const credentials = authority.slice(0, end);
  checkEscapes(credentials);
  return { protocol, credentials, hosts: authority.slice(end), path };
}

function checkEscapes(credentials: string): void {
  try {
    decodeURIComponent(credentials);
  } catch {
    throw invalid('has a % in its user or password that is no escape: write it as %25');
  }
}

function checkDatabase(path: string, hostCount: number): void {
  if (path === '' || path === '/') return;
  if (!/^\/\d{1,9}$/.test(path)) {
    throw invalid('has a path that is no number: only a database may stand there, as in redis://host:6379/3');
  }
  if (hostCount > 1 && Number(path.slice(1)) !== 0) {
    throw invalid('names several hosts, and a cluster has no database but 0: take the number out');
  }
}

/**
 * Parameters that other libraries read from a URL. Each value describes how to write the same setting here.
 */
const PLACES: Readonly<Record<string, string>> = {
  db: 'write the database behind the host, as in redis://host:6379/3',
  database: 'write the database behind the host, as in redis://host:6379/3',
  password: 'write it before the host, as in redis://user:password@host:6379',
  user: 'write it before the host, as in redis://user:password@host:6379',
  username: 'write it before the host, as in redis://user:password@host:6379',
  ssl: 'begin with rediss:// for TLS',
  tls: 'begin with rediss:// for TLS',
};

/** Returns the error for unknown parameters. The message names the first parameter, but never its value. */
function unknownParameters(query: string): BrokerError {
  const [name = ''] = query.split(/[=&]/);
  // Text that is not a valid name is not shown, because it may be a part of a password.
  const shown = /^[A-Za-z_][\w.-]{0,31}$/.test(name) ? `?${name}=…` : '?…';
  return invalid(
    `has a parameter that means nothing here (${shown}): ${PLACES[name.toLowerCase()] ?? 'take it out'}`,
  );
}

function notAnUrl(): BrokerError {
  return invalid(
    'must begin with redis:// or rediss:// and name a host, or several hosts separated by commas',
  );
}

function invalid(what: string): BrokerError {
  return new BrokerError('invalid_argument', `url ${what}`);
}

// Reads the URL of Redis, which names a server, the nodes of a cluster, a Unix socket, or Sentinels. Pure.
import { BrokerError } from '../../errors.js';

/** Address of a server: `host:port`, with an IPv6 host in brackets, or the path of a Unix socket. */
export type NodeAddress = string;

/** User and password. A value that is not given is empty. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The kind of address in a URL. */
export type RedisUrlKind = 'server' | 'cluster' | 'socket' | 'sentinels';

/** The parts of a URL. @beta */
export interface RedisUrl extends Login {
  readonly kind: RedisUrlKind;
  /** True if the servers and the Sentinels speak TLS. */
  readonly isTls: boolean;
  /** The server, the nodes, the Sentinels, or the path of the socket. */
  readonly addresses: readonly NodeAddress[];
  readonly database: number;
  /** Name of the master, and login of the Sentinels. `undefined` if the URL names no Sentinels. */
  readonly sentinel: (Login & { readonly masterName: string }) | undefined;
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;
const MAX_HOSTS = 64;
/** Maximum length of a socket's path on Linux: `sun_path` of unix(7), without its final zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Reads one of these forms:
 * - `redis[s]://[[user][:password]@]host[:port][,host[:port]…][/database]`
 * - `redis[s]+sentinel://[[user][:password]@]host[:port][,…]/master[/database][?sentinel_user=…&sentinel_password=…]`
 * - `unix://[[user][:password]@]/path[?db=database]`, also with `redis+unix://`
 *
 * Refuses any other part and names it in the error. An ignored part such as `?db=3` would send data to the wrong place.
 * @throws BrokerError `invalid_argument`. The message does not repeat the URL, because the URL may contain a password.
 * @beta
 */
export function parseRedisUrl(url: string): RedisUrl {
  refuseOtherForms(url);
  const [, scheme = '', rest = ''] =
    /^(rediss?|rediss?\+sentinel|(?:redis\+)?unix):\/\/(.*)$/s.exec(url) ?? [];
  if (scheme === '') throw notAnUrl();
  const parts = splitRest(rest);
  if (scheme.endsWith('unix')) return readSocket(parts);
  const isTls = scheme.startsWith('rediss');
  return { ...(scheme.endsWith('+sentinel') ? readSentinels(parts) : readServers(parts)), isTls };
}

/** Refuses forms of URLs that other programs accept. The error names the correct form. */
function refuseOtherForms(url: string): void {
  if (url.startsWith('/')) throw invalid('is a path: write a Unix socket as unix:///run/redis.sock');
  if (/^(?:rediss?\+socket|redis-socket):/i.test(url))
    throw invalid('has an unknown form: write a Unix socket as unix:///run/redis.sock?db=0');
  if (/^(?:rediss?-sentinel|sentinel):/i.test(url))
    throw invalid('has an unknown form: write Sentinels as redis+sentinel://host:26379,host2:26379/master/0');
}

/** The parts after the scheme, not yet decoded. */
interface Rest extends Login {
  readonly hosts: string;
  readonly path: string;
  readonly query: string | undefined;
}

function splitRest(rest: string): Rest {
  const [, authority = '', path = '', query, fragment] =
    /^([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(rest) ?? [];
  // A later `@` shows that the `/`, `?` or `#` belongs to the user or password, although it seems to end the host.
  if (rest.lastIndexOf('@') > authority.length) {
    throw invalid(
      'has a /, ? or # in its user or password, or an @ behind its host: write them as %2F, %3F, %23 and %40',
    );
  }
  if (fragment !== undefined) throw invalid('has a fragment (#…), which means nothing here: take it out');
  const end = authority.lastIndexOf('@') + 1;
  const [, username = '', password = ''] = /^([^:]*):?(.*)@$/s.exec(authority.slice(0, end)) ?? [];
  const where = 'its user or password';
  return {
    username: decoded(username, where),
    password: decoded(password, where),
    hosts: authority.slice(end),
    path,
    query,
  };
}

function decoded(text: string, where: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`has a % in ${where} that is not an escape: write it as %25`);
  }
}

type RedisUrlWithoutTls = Omit<RedisUrl, 'isTls'>;

function readServers({ username, password, hosts, path, query }: Rest): RedisUrlWithoutTls {
  checkParameters(query, []);
  const addresses = readHosts(hosts, REDIS_PORT);
  const database = readDatabase(path);
  const isCluster = addresses.length > 1;
  if (isCluster && database !== 0)
    throw invalid('names several hosts, and a cluster has no database but 0: take the number out');
  const kind = isCluster ? 'cluster' : 'server';
  return { kind, addresses, username, password, database, sentinel: undefined };
}

function readSentinels({ username, password, hosts, path, query }: Rest): RedisUrlWithoutTls {
  const parameters = checkParameters(query, ['sentinel_user', 'sentinel_password']);
  const addresses = readHosts(hosts, SENTINEL_PORT);
  const [, name = '', databasePath = ''] = /^\/([^/]*)(.*)$/s.exec(path) ?? [];
  const masterName = decoded(name, 'the name of its master');
  if (!/^[\w.-]{1,200}$/.test(masterName)) {
    throw invalid(
      'names no master: write its name behind the Sentinels, as in redis+sentinel://host:26379/mymaster',
    );
  }
  const sentinel = {
    masterName,
    username: parameters.get('sentinel_user') ?? '',
    password: parameters.get('sentinel_password') ?? '',
  };
  return { kind: 'sentinels', addresses, username, password, database: readDatabase(databasePath), sentinel };
}

function readSocket({ username, password, hosts, path, query }: Rest): RedisUrl {
  const parameters = checkParameters(query, ['db']);
  const socketPath = decoded(path, 'its path');
  if (hosts !== '' || !/^\/[^\0]*[^/\0]$/.test(socketPath))
    throw invalid('names no socket: write its whole path with three slashes, as in unix:///run/redis.sock');
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES)
    throw invalid(`has a path of more than ${MAX_SOCKET_PATH_BYTES} bytes, which no socket can have`);
  const database = parameters.get('db') ?? '0';
  if (!/^\d{1,9}$/.test(database)) throw invalid('has a db that is not a number');
  const kind = 'socket';
  const addresses = [socketPath];
  return {
    kind,
    isTls: false,
    addresses,
    username,
    password,
    database: Number(database),
    sentinel: undefined,
  };
}

function readHosts(hosts: string, defaultPort: number): readonly NodeAddress[] {
  const names = hosts.split(',');
  if (names.length > MAX_HOSTS) throw invalid(`names more than ${MAX_HOSTS} hosts`);
  return names.map((name) => {
    if (/^(:|$)/.test(name) || !URL.canParse(`redis://${name}`)) throw notAnUrl();
    const { hostname, port } = new URL(`redis://${name}`);
    return `${hostname}:${port === '' ? defaultPort : port}`;
  });
}

function readDatabase(path: string): number {
  if (path === '' || path === '/') return 0;
  if (!/^\/\d{1,9}$/.test(path)) {
    throw invalid(
      'has a path that is not a number: only a database number may follow the host, as in redis://host:6379/3',
    );
  }
  return Number(path.slice(1));
}

/** Parameters that other libraries read from a URL. Each value tells how to write the same setting here. */
const PLACES: Readonly<Record<string, string>> = {
  db: 'write the database at the end, as in redis://host:6379/3',
  database: 'write the database at the end, as in redis://host:6379/3',
  password: 'write it before the host, as in redis://user:password@host:6379',
  user: 'write it before the host, as in redis://user:password@host:6379',
  username: 'write it before the host, as in redis://user:password@host:6379',
  ssl: 'begin with rediss:// for TLS',
  tls: 'begin with rediss:// for TLS',
};

/** Reads the parameters. The error for an unknown parameter contains its name, but never its value. */
function checkParameters(query: string | undefined, known: readonly string[]): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  if (query === undefined) return parameters;
  for (const part of query.split('&')) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    // A text that is not a valid name may be a part of a password, so it is not shown.
    const shown = /^[A-Za-z_][\w.-]{0,31}$/.test(name) ? `?${name}=…` : '?…';
    if (!known.includes(name)) {
      const advice = PLACES[name.toLowerCase()] ?? 'take it out';
      throw invalid(`has a parameter that means nothing here (${shown}): ${advice}`);
    }
    if (parameters.has(name)) throw invalid(`has a parameter twice (${shown}): take one out`);
    parameters.set(name, decoded(value, `the parameter ${name}`));
  }
  return parameters;
}

function notAnUrl(): BrokerError {
  return invalid(
    'must begin with redis:// or rediss:// and name a host, or several hosts separated by commas; or begin with redis+sentinel:// or unix://',
  );
}

function invalid(what: string): BrokerError {
  return new BrokerError('invalid_argument', `url ${what}`);
}

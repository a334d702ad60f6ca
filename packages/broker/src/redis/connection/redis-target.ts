// The servers that the URL of a broker names, and the login for their connections.
import { type RedisTlsSource, renewableTls, type TlsSettings } from './redis-tls.js';
import { type Login, type NodeAddress, parseRedisUrl, type RedisUrl } from './redis-url.js';

/** A server, and everything that a connection to it needs. */
export interface Endpoint extends Login {
  readonly address: NodeAddress;
  /** True if `address` is the path of a Unix socket. */
  readonly isSocket: boolean;
  /** Returns the certificates for the next connection. `undefined` without TLS. */
  readonly tls: (() => TlsSettings) | undefined;
  readonly database: number;
}

/** The checked address of Redis. */
export interface RedisTarget {
  readonly url: RedisUrl;
  /** Returns the endpoint of a server with the login of the URL. */
  readonly endpointOf: (address: NodeAddress) => Endpoint;
  /** Returns the endpoint of a Sentinel, with the login of the Sentinels. */
  readonly sentinelAt: (address: NodeAddress) => Endpoint;
}

/** @throws BrokerError `invalid_argument` if the URL or a TLS option is wrong */
export function resolveTarget(url: string, certificates?: RedisTlsSource): RedisTarget {
  const parsed = parseRedisUrl(url);
  const tls = renewableTls(certificates, parsed.isTls);
  const isSocket = parsed.kind === 'socket';
  const { username, password, database, sentinel } = parsed;
  return {
    url: parsed,
    endpointOf: (address) => ({ address, isSocket, tls, username, password, database }),
    sentinelAt: (address) => ({
      address,
      isSocket: false,
      tls,
      username: sentinel?.username ?? '',
      password: sentinel?.password ?? '',
      database: 0,
    }),
  };
}

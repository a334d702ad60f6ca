// The options of every connection that the gateway opens to Redis.
import {
  BrokerError,
  parseRedisUrl,
  type RedisTlsOptions,
  type RedisTlsSource,
  resolveRedisTls,
} from '@millrace/broker';
import { GatewayError } from '../errors.js';
import type { GatewayOptions } from '../settings/options.js';

/** The settings that concern the connection to Redis. */
export type RedisSettings = Pick<GatewayOptions, 'redisUrl'> & CertificateSettings;

type CertificateSettings = Pick<
  GatewayOptions,
  'redisTlsCa' | 'redisTlsCert' | 'redisTlsKey' | 'redisTlsServerName'
>;

/** Address and certificates of Redis, in the form that `createRedisBroker` and `connectRedis` accept. */
export interface RedisConnectionOptions {
  readonly url: string;
  readonly tls: RedisTlsSource;
}

/** Returns the options of the connections, or `undefined` if the settings name no Redis. */
export function redisConnectionOptions(
  settings: RedisSettings,
  tls: RedisTlsSource = tlsOf(settings),
): RedisConnectionOptions | undefined {
  const { redisUrl: url } = settings;
  return url === undefined ? undefined : { url, tls };
}

/** The certificates for connections to Redis, which a reload replaces. Connections that are open stay open. */
export class RedisCertificates {
  #settings: CertificateSettings;
  #tls: RedisTlsOptions;

  constructor(settings: CertificateSettings) {
    this.#settings = settings;
    this.#tls = tlsOf(settings);
  }

  /** The certificates of the next connection. */
  readonly current = (): RedisTlsOptions => this.#tls;

  /** Returns the settings of today with the renewed ones in place of theirs. */
  renewed({ redisTlsCa, redisTlsCert, redisTlsKey }: CertificateSettings): CertificateSettings {
    const { redisTlsServerName } = this.#settings;
    return {
      redisTlsCa: redisTlsCa ?? this.#settings.redisTlsCa,
      redisTlsCert: redisTlsCert ?? this.#settings.redisTlsCert,
      redisTlsKey: redisTlsKey ?? this.#settings.redisTlsKey,
      redisTlsServerName,
    };
  }

  /** Replaces the certificates by checked ones. */
  replace(settings: CertificateSettings): void {
    this.#settings = settings;
    this.#tls = tlsOf(settings);
  }
}

function tlsOf(settings: CertificateSettings): RedisTlsOptions {
  return {
    ca: settings.redisTlsCa,
    cert: settings.redisTlsCert,
    key: settings.redisTlsKey,
    serverName: settings.redisTlsServerName,
  };
}

/** The names of the broker's certificate options, and the settings that give these options. */
const SETTING_NAMES: Readonly<Record<string, string>> = {
  'tls.ca': 'redisTlsCa (MILLRACE_REDIS_TLS_CA_FILE)',
  'tls.cert': 'redisTlsCert (MILLRACE_REDIS_TLS_CERT_FILE)',
  'tls.key': 'redisTlsKey (MILLRACE_REDIS_TLS_KEY_FILE)',
  'tls.serverName': 'redisTlsServerName (MILLRACE_REDIS_TLS_SERVER_NAME)',
  'the url': 'MILLRACE_REDIS_URL',
};

/** @throws GatewayError `invalid_configuration` if a certificate cannot be used, or would have no effect */
export function checkRedisTls(settings: RedisSettings): void {
  const { redisUrl } = settings;
  try {
    resolveRedisTls(tlsOf(settings), redisUrl !== undefined && parseRedisUrl(redisUrl).isTls);
  } catch (cause) {
    if (!(cause instanceof BrokerError)) throw cause;
    const names = new RegExp(Object.keys(SETTING_NAMES).join('|'), 'g');
    const message = cause.message.replace(names, (name) => SETTING_NAMES[name] ?? name);
    throw new GatewayError('invalid_configuration', `${message}.`, { cause });
  }
}

// The table of all settings. Variables are read and options are checked by it, and docs/settings.md is generated from it. The
// types and defaults of the options are in `options.ts`.
import { MAX_PARTITIONS } from '@millrace/broker';
import { MAX_TIMER_MS } from '@millrace/internal';
import { faultOfTrustedProxy } from '../http/client-address.js';
import { LOG_FORMATS, LOG_LEVELS } from '../telemetry/logger.js';
import { accessRows } from './access-settings.js';
import { apiKeyList } from './api-key-list.js';
import { clientLimitRows, userLimitRows } from './limit-settings.js';
import { presenceRows } from './presence-settings.js';
import { hostName, nameInKeys, pem, redisKeyPrefix, redisUrl } from './redis-setting-kinds.js';
import { faultOfHttpUrl, faultOfOrigin, faultOfSecret } from './setting-checks.js';
import {
  bytes,
  choice,
  flag,
  list,
  MAX_PERIOD_MS,
  milliseconds,
  type SettingKind,
  text,
  wholeNumber,
} from './setting-kinds.js';
import type { SettingName, SettingRow } from './setting-row.js';
import { tenantRows } from './tenant-settings.js';
import { secretRule, tokenRows } from './token-settings.js';

/** One setting. */
export interface Setting {
  readonly name: SettingName;
  /** Name of its environment variable. */
  readonly variable: string;
  readonly group: SettingGroup;
  readonly kind: SettingKind;
  /** Describes the effect of the setting, in a sentence for operators. */
  readonly about: string;
  /** The default in words, if `defaults` has no value that shows it. */
  readonly defaultText?: string;
}

/** The groups of settings, in the order of the page. */
export const SETTING_GROUPS = [
  'Process',
  'Redis and streams',
  'Tokens of clients',
  'Access to rooms',
  'Publishing over HTTP',
  'Browsers and other gateways',
  'Connections',
  'Limits of one client',
  'Limits of one user',
  'Limits of one tenant',
  'Replay',
  'Presence',
] as const;

/** One of {@link SETTING_GROUPS}. */
export type SettingGroup = (typeof SETTING_GROUPS)[number];

/** Maximum of the times for a stop: one hour. No supervisor waits longer for a process to end. */
const maxStopMs = 3_600_000;

/** Names of variables that do not follow from the name of the option. */
const otherVariables: Partial<Record<SettingName, string>> = {
  isDevelopment: 'MILLRACE_DEV',
  appModule: 'MILLRACE_APP',
  isPresenceOn: 'MILLRACE_PRESENCE',
};

/** `maxBodyBytes` has the variable `MILLRACE_MAX_BODY_BYTES`. */
function variableOf(name: SettingName): string {
  return otherVariables[name] ?? `MILLRACE_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

function inGroup(group: SettingGroup, rows: readonly SettingRow[]): readonly Setting[] {
  return rows.map(([name, kind, about, defaultText]) => ({
    name,
    variable: variableOf(name),
    group,
    kind,
    about,
    ...(defaultText === undefined ? {} : { defaultText }),
  }));
}

/** Every setting, by group. */
export const SETTINGS: readonly Setting[] = [
  ...inGroup('Process', [
    ['port', wholeNumber({ min: 0, max: 65_535 }), 'TCP port to listen on. 0 selects a free port.'],
    [
      'host',
      text({ rule: 'an address of this machine' }),
      'Address to listen on. `0.0.0.0` listens on all addresses.',
    ],
    [
      'adminPort',
      wholeNumber({ min: 0, max: 65_535 }),
      'TCP port of its own for `/metrics` and the reasons of `/readyz`, so that the port of the clients can be public. `/healthz` and `/readyz` (without reasons) are on both. 0 selects a free port.',
      'none: everything is on `MILLRACE_PORT`',
    ],
    [
      'adminHost',
      text({ rule: 'an address of this machine' }),
      'Address on which the admin port listens. Probes of Kubernetes come from outside of the pod: not from `127.0.0.1`.',
      'the value of `MILLRACE_HOST`',
    ],
    [
      'instance',
      nameInKeys(),
      'Name of this gateway in logs and in the broker. Unique among live gateways.',
      'host name and process ID',
    ],
    [
      'logLevel',
      choice(LOG_LEVELS),
      'Lowest level that is logged.',
      '`info`; `warn` in development mode if the log has lines for people',
    ],
    [
      'logFormat',
      choice(LOG_FORMATS),
      'Format of the log: `json` has one JSON object per line, `text` has lines for people. With `json`, standard output contains only the log.',
      '`json`; `text` in development mode at a terminal',
    ],
    [
      'drainMs',
      milliseconds(0, maxStopMs),
      'Time over which a stopping gateway tells its clients, in waves, to reconnect elsewhere.',
      '10,000; in development 0',
    ],
    ['shutdownTimeoutMs', milliseconds(0, maxStopMs), 'Maximum time for the rest of a stop.'],
    [
      'isDevelopment',
      flag(),
      'Development mode: every room is open, no secrets are needed. Loopback addresses and host names of this machine only.',
    ],
    [
      'appModule',
      text({ rule: 'a path that begins with `./`, `../` or `/`, or the name of an installed package' }),
      'Application module to serve: its default export is the result of `defineApp`. `serve --app` names one, too.',
      'none: the nine built-in event types, no other routes',
    ],
  ]),
  ...inGroup('Redis and streams', [
    [
      'redisUrl',
      redisUrl(),
      'Redis server, cluster, Sentinels or Unix socket: [connecting to Redis](redis.md).',
      'none: the broker is in memory and serves this process only',
    ],
    [
      'redisTlsCa',
      pem('certificates'),
      'Authorities that may sign the certificate of Redis and of its Sentinels, instead of the public ones.',
      'the public authorities',
    ],
    [
      'redisTlsCert',
      pem('a certificate'),
      'Certificate of this gateway, for a Redis that requires one of its clients. Needs its key.',
      'none',
    ],
    [
      'redisTlsKey',
      pem('a private key', { isSecret: true }),
      'Private key of this certificate, without a passphrase.',
      'none',
    ],
    [
      'redisTlsServerName',
      hostName(),
      'Name that the certificate of Redis must have, where the host in the URL is not in it: for example the IP addresses that Sentinels name.',
      'the host in the URL',
    ],
    [
      'redisKeyPrefix',
      redisKeyPrefix(),
      'Begins the name of every key and stream in Redis: with `acme:`, the stream `events:chat` is `acme:events:chat`. The same for all gateways and publishers of a deployment; deployments with different prefixes share a Redis and do not hear each other.',
      'none: the names of the data model; `millrace:` if the catalog [observes a stream](side-by-side.md), whose key has no prefix',
    ],
    [
      'consumerGroup',
      nameInKeys(),
      'Consumer group that records which events were delivered: [reliability.md](reliability.md#several-consumer-groups). A gateway does not start with a group that another program reads.',
      '`signalr-consumers`; `millrace` if the catalog [observes a stream](side-by-side.md), or `millrace-<prefix>` with a key prefix of your own',
    ],
    [
      'partitions',
      wholeNumber({ max: MAX_PARTITIONS }),
      'Number of partitions of each stream: [cluster.md](cluster.md). All gateways have the same number.',
      'the number stored in Redis, else 1',
    ],
    [
      'dedupeWindowMs',
      milliseconds(1, MAX_PERIOD_MS),
      'Deduplication interval: time for which an `event_id` is remembered.',
    ],
    ['maxDedupeIds', wholeNumber(), 'Maximum number of remembered IDs. Beyond it the oldest are forgotten.'],
    [
      'freshness',
      choice(['entry', 'timestamp']),
      "Time from which an event's age is measured: the entry's ID, which has the time of Redis, or the producer's `timestamp`.",
    ],
    [
      'clockSkewLimitMs',
      milliseconds(),
      "Difference between a producer's clock and the time of Redis beyond which an event is counted as skewed.",
    ],
    [
      'minAgeMs',
      milliseconds(0, MAX_PERIOD_MS),
      'Minimum time for which acknowledged entries stay in their stream.',
    ],
    [
      'maxWarmUpEntries',
      wholeNumber(),
      'Maximum number of entries of each stream that are read at the start, for replay and deduplication.',
    ],
  ]),
  ...inGroup('Tokens of clients', tokenRows),
  ...inGroup('Access to rooms', accessRows),
  ...inGroup('Publishing over HTTP', [
    [
      'apiKeys',
      apiKeyList(),
      'Keys for `POST /v1/events`. Keys with a name and limits come from a file: see the end of this page.',
      'none',
    ],
    ['maxBodyBytes', bytes(), 'Maximum size of the body of `POST /v1/events`.'],
    ['maxEventsPerRequest', wholeNumber(), 'Maximum number of events in one `POST /v1/events`.'],
  ]),
  ...inGroup('Browsers and other gateways', [
    [
      'allowedOrigins',
      list({
        rule: 'origins as browsers send them, separated by commas: `https://app.example`',
        faultOf: faultOfOrigin,
      }),
      'Origins whose pages may connect. Apps have origins of their own: `capacitor://localhost`. `*` allows all origins. `null` (pages of files, sandboxed frames) allows every site that makes such a frame.',
      'none; in development every origin of this machine',
    ],
    [
      'trustedProxies',
      list({
        rule: 'addresses, ranges such as `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`; separated by commas; `none` for no proxy',
        faultOf: faultOfTrustedProxy,
      }),
      'Proxies whose `X-Forwarded-For` says who the client is. Requests through other proxies have no limits per address, with a warning.',
      'none declared',
    ],
    [
      'instanceUrl',
      text({ rule: 'an address such as `http://10.0.0.7:4400`', faultOf: (url) => faultOfHttpUrl(url, []) }),
      'Address at which the other gateways reach this one, so that clients need no sticky sessions. Needs Redis and connection keys.',
      'none',
    ],
    [
      'connectionKeys',
      list({ rule: `each ${secretRule}; separated by commas`, isSecret: true, faultOf: faultOfSecret }),
      'Keys of connection tokens, the same on all gateways. The first key signs, and all keys are accepted.',
      'none',
    ],
  ]),
  ...inGroup('Connections', [
    [
      'keepAliveIntervalMs',
      milliseconds(),
      'The gateway pings a client after it has sent nothing else to it for this long.',
    ],
    [
      'clientTimeoutMs',
      milliseconds(),
      'The gateway closes the connection of a client that is silent for this long. At least twice the ping interval of the clients.',
    ],
    [
      'handshakeTimeoutMs',
      milliseconds(),
      "Maximum time from the opening of a transport to the client's handshake.",
    ],
    [
      'pollTimeoutMs',
      milliseconds(1, MAX_TIMER_MS),
      'The gateway answers a long poll, or a read of a room with `wait`, after this time, even if there is nothing to send. Keep it below the idle timeout of proxies.',
    ],
    [
      'sendTimeoutMs',
      milliseconds(),
      'Time after which a connection that accepts no byte is closed while bytes wait for it.',
    ],
    [
      'positionIntervalMs',
      milliseconds(),
      'Interval at which idle connections are sent the current position, if it has changed.',
    ],
    ['maxReceiveBytes', bytes(), 'Maximum size of one message of a client.'],
  ]),
  ...inGroup('Limits of one client', clientLimitRows),
  ...inGroup('Limits of one user', userLimitRows),
  ...inGroup('Limits of one tenant', tenantRows),
  ...inGroup('Replay', [
    [
      'replayWindowMs',
      milliseconds(),
      'Time for which delivered events are kept in memory for returning clients.',
    ],
    [
      'maxReplayBytes',
      bytes(),
      'Maximum memory for delivered events. Beyond it they are kept for a shorter time.',
    ],
    [
      'maxReplayEventsPerRoom',
      wholeNumber(),
      'Maximum number of events replayed for one room, and of events on a page that is read over HTTP. A client that missed more than a replay reloads the room.',
    ],
    [
      'maxReplayBytesPerRoom',
      bytes(),
      'Maximum number of bytes replayed for one room, and of bytes on a page that is read over HTTP.',
    ],
  ]),
  ...inGroup('Presence', presenceRows),
];

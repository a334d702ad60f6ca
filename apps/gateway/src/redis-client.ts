// A connection to Redis beside the broker's, for what is no event: who serves which SignalR connection.
import { isIP } from 'node:net';
import { parseRedisUrl } from '@millrace/broker';
import { createClient, createCluster } from '@redis/client';
import type { Logger } from 'pino';

/** Commands for one server or for a cluster. Rejects at once while Redis is away, and connects again by itself. */
export interface RedisClient {
  get(key: string): Promise<unknown>;
  eval(script: string, options: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>;
  destroy(): void;
}

const reconnectDelayMs = 500;

/** Connects. Logs each change of its state once. Rejects when Redis cannot be reached. */
export async function connectRedisClient(redisUrl: string, logger: Logger): Promise<RedisClient> {
  const { urls } = parseRedisUrl(redisUrl);
  const [url = redisUrl] = urls;
  const options = {
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    socket: { reconnectStrategy: () => reconnectDelayMs * (0.5 + Math.random()) },
  } as const;
  const client = createClient({ ...options, url, socket: { ...options.socket, ...serverNameOf(url) } });
  listen(client, logger);
  await client.connect();
  if (!isClusterNode(await client.sendCommand(['HELLO']))) return client;
  client.destroy();
  const cluster = createCluster({ rootNodes: urls.map((one) => ({ url: one })), defaults: options });
  listen(cluster, logger);
  await cluster.connect();
  return cluster;
}

/** The name that TLS is told, which leads to the right one of several hosted servers. An address is no name. */
function serverNameOf(url: string): { readonly tls: true; readonly servername: string } | undefined {
  const { protocol, hostname } = new URL(url);
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
  return protocol === 'rediss:' && !isAddress ? { tls: true, servername: hostname } : undefined;
}

/** By HELLO, which every user may send: names and values in turn. INFO is refused to many. */
function isClusterNode(hello: unknown): boolean {
  return Array.isArray(hello) && hello[hello.indexOf('mode') + 1] === 'cluster';
}

interface Emitter {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'ready' | 'connect', listener: () => void): unknown;
}

function listen(client: Emitter, logger: Logger): void {
  let isAway = false;
  client.on('error', (error) => {
    if (!isAway) logger.warn({ reason: error.message }, 'directory of connections is away');
    isAway = true;
  });
  for (const event of ['ready', 'connect'] as const)
    client.on(event, () => {
      if (isAway) logger.info('directory of connections is back');
      isAway = false;
    });
}

// A gateway reaches Redis over TLS, as it does with a hosted Redis service: by host name, with a password,
// and through a proxy that terminates TLS.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { createServer } from 'node:tls';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { makeCertificate } from '../../fixtures/redis/tls.js';
import { Resources } from '../../fixtures/systems/resources.js';

const password = 'secret of the test';

test('a gateway reaches its Redis over TLS, sends the server name, and delivers small and large events', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis({ args: ['--requirepass', password] }));
  const certificate = resources.use(await makeCertificate());
  const names = new Set<string | false | null>();
  const proxy = createServer(
    { cert: await readFile(certificate.certificatePath), key: await readFile(certificate.keyPath) },
    (socket) => {
      names.add(socket.servername);
      const behind = connect(redis.port, '127.0.0.1');
      socket.on('error', () => behind.destroy());
      behind.on('error', () => socket.destroy());
      socket.pipe(behind).pipe(socket);
    },
  ).listen(0, '127.0.0.1');
  resources.defer(async () => {
    proxy.close();
    await once(proxy, 'close');
  });
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const gateway = resources.use(
    await GatewayProcess.start({
      MILLRACE_REDIS_URL: `rediss://:${encodeURIComponent(password)}@localhost:${port}`,
      NODE_EXTRA_CA_CERTS: certificate.certificatePath,
      // With these settings the gateway also stores its directory of connections in Redis.
      MILLRACE_INSTANCE_URL: 'http://127.0.0.1:4400',
      MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
    }),
  );
  const reader = resources.use(await EventLog.connect(gateway.url));
  await reader.join('ticket-42');
  const texts = ['short', 'ä'.repeat(100_000)];
  for (const message of texts)
    await acceptEvents(gateway.url, {
      event_type: 'notification',
      room_id: 'ticket-42',
      payload: { message },
    });
  const events = await reader.received(texts.length);
  expect(events.map(({ payload }) => payload)).toEqual(texts.map((message) => ({ message })));
  expect([...names]).toEqual(['localhost']);
});

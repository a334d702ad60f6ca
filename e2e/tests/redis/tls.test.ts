// A gateway reaches Redis over TLS as it reaches a hosted Redis service: by host name, with a password, and through a proxy
// that terminates TLS.
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, idsOf } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { type Authority, makeAuthority, makeCertificate, startTlsRedis } from '../../fixtures/redis/tls.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

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

test('a gateway connects with renewed certificates after SIGHUP, and wrong files change nothing', async () => {
  await using resources = new Resources();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-renewal-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const files = { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const write = async (authority: Authority): Promise<void> => {
    const client = await authority.issue();
    await copyFile(authority.certificatePath, files.ca);
    await copyFile(client.certificatePath, files.cert);
    await copyFile(client.keyPath, files.key);
  };
  const [first, second] = [resources.use(await makeAuthority()), resources.use(await makeAuthority())];
  const redis = resources.use(await startTlsRedis(await first.issue(), first.certificatePath));
  await write(first);
  const gateway = resources.use(
    await GatewayProcess.start({
      MILLRACE_REDIS_URL: `rediss://127.0.0.1:${redis.tlsPort}`,
      MILLRACE_REDIS_TLS_CA_FILE: files.ca,
      MILLRACE_REDIS_TLS_CERT_FILE: files.cert,
      MILLRACE_REDIS_TLS_KEY_FILE: files.key,
    }),
  );
  const linesWith = (text: string): number => gateway.lines.filter((line) => line.includes(text)).length;
  const reload = async (outcome: 'done' | 'refused'): Promise<void> => {
    const before = linesWith(`"outcome":"${outcome}"`);
    gateway.child.kill('SIGHUP');
    await eventually(() => expect(linesWith(`"outcome":"${outcome}"`)).toBe(before + 1));
  };
  const reconnects = async (): Promise<void> => {
    const before = linesWith('"state":"ready"');
    await redis.cli('client', 'kill', 'type', 'normal');
    await eventually(() => expect(linesWith('"state":"ready"')).toBe(before + 1));
  };
  const reader = resources.use(await EventLog.inRoom(gateway.url, 'ticket-42'));

  // Only one of the files was renewed.
  gateway.mayLogErrors = true;
  await copyFile((await second.issue()).keyPath, files.key);
  await reload('refused');
  await gateway.line(/MILLRACE_REDIS_TLS_KEY_FILE\) is not the private key of/);
  await reconnects();

  await write(second);
  await reload('done');
  const { certificatePath, keyPath } = await second.issue();
  const renewed = ['tls-cert-file', certificatePath, 'tls-key-file', keyPath];
  await redis.cli('config', 'set', ...renewed, 'tls-ca-cert-file', second.certificatePath);
  await reconnects();

  const sent = [chatMessage('ticket-42', 'over the renewed connection')];
  await acceptEvents(gateway.url, sent);
  await reader.received(1);
  expect(reader.ids).toEqual(idsOf(sent));
});

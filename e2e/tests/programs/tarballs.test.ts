// Installs the tarball of each package as users do: outside of the repository, and without the other
// packages. Needs the package registry, like `npm ci`.
import { startRedis } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { InstalledApp, publishedPackages, Tarballs } from '../../fixtures/processes/installed-app.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const tarballs = sharedSystem(() => Tarballs.pack());

describe.for(publishedPackages)('the tarball of %s', (name) => {
  const app = sharedSystem(() => InstalledApp.install(tarballs(), [name]));

  test('a package tarball can be installed alone, contains README and licence, and has importable entry points', async () => {
    for (const file of ['README.md', 'LICENSE']) expect(await app().read(name, file)).not.toBe('');
    const { exports, peerDependenciesMeta = {} }: { exports: object; peerDependenciesMeta?: object } =
      JSON.parse(await app().read(name, 'package.json'));
    // Does not test entry points that need an optional package, because that package is not installed here.
    const optional = JSON.stringify(Object.keys(peerDependenciesMeta));
    const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'));
    const specifiers = entries.map((entry) => `@millrace/${name}${entry.slice(1)}`);
    await app().run(`for (const specifier of ${JSON.stringify(specifiers)}) await import(specifier).catch((error) => {
      if (!${optional}.some((peer) => error.message.includes(\`'\${peer}'\`))) throw error;
    });`);
  });

  test('a package tarball contains a README whose examples run unchanged', async () => {
    await using redis = await startRedis();
    const readme = await app().read(name, 'README.md');
    const [command = ''] = /^npm install .*$/m.exec(readme) ?? [];
    const others = publishedPackages.filter(
      (other) => other !== name && command.includes(`@millrace/${other}`),
    );
    await using together =
      others.length === 0 ? undefined : await InstalledApp.install(tarballs(), [name, ...others]);
    for (const [, example = ''] of readme.matchAll(/<!-- example -->\n```js\n(.*?)\n```\n/gs)) {
      await (together ?? app()).run(example.replace('redis://localhost:6379', redis.url));
    }
  });

  if (name !== 'gateway') return;

  test('the gateway tarball contains the program millrace, which prints its version', async () => {
    const { version }: { version: string } = JSON.parse(await app().read(name, 'package.json'));
    await using program = app().start('npx', ['millrace', '--version']);
    expect(await program.exit(), program.output).toBe(0);
    expect(program.output).toBe(version);
  });

  test('the program millrace in the gateway tarball starts a gateway, which accepts any notification payload', async () => {
    const environment = { MILLRACE_DEV: '1', MILLRACE_PORT: '0' };
    await using gateway = app().start('npx', ['millrace', 'serve'], environment);
    const [, url = ''] = await gateway.line(/"url":"(http:[^"]+)"/);
    const payload = { message: 'Ticket updated' };
    await acceptEvents(url, { event_type: 'notification', room_id: 'ticket-42', payload });
  });
});

test('tarballs that are installed together work together, although each contains copies of shared packages', async () => {
  await using app = await InstalledApp.install(tarballs(), publishedPackages);
  await app.run(`
    import { BrokerError, createMemoryBroker } from '@millrace/broker';
    import { eventCatalog } from '@millrace/contract';
    import { createPublisher } from '@millrace/publisher';

    const broker = createMemoryBroker({ streams: eventCatalog.streams });
    await broker.open();
    const append = broker.append.bind(broker);
    let failures = 2;
    broker.append = async (...given) => {
      if (failures-- > 0) throw new BrokerError('unavailable', 'away for a moment', { nothingHappened: true });
      return append(...given);
    };
    const publisher = createPublisher({ broker, catalog: eventCatalog });
    await publisher.publish('status_change', 'ticket-42', {
      request_id: crypto.randomUUID(), old_status: 'open', new_status: 'solved', changed_by: 'maria',
      changed_at: new Date().toISOString(),
    });
    await publisher.close();
    await broker.close();
  `);
  // The official client in @millrace/client needs another version of a package that the gateway needs too.
  await app.run(`
    import { createClient } from '@millrace/client';
    import { createGateway } from '@millrace/gateway';

    const gateway = createGateway({ isDevelopment: true, port: 0 });
    const { url } = await gateway.start();
    const client = createClient({ url });
    const room = client.join('ticket-42');
    const received = new Promise((resolve) => room.on('notification', ({ payload }) => resolve(payload.title)));
    await client.connect();
    await room.joined;
    await gateway.publisher.publish('notification', 'ticket-42', { type: 'info', title: 'side by side' });
    if ((await received) !== 'side by side') throw new Error('another notification');
    await client.close();
    await gateway.stop();
  `);
});

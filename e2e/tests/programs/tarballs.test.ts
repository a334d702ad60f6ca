// Installs each package's tarball as users do: outside the repository, and without the other packages. Needs the package
// registry, like `npm ci`.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { ProjectMaker } from '../../fixtures/processes/created-project.js';
import {
  InstalledApp,
  type PublishedPackage,
  publishedPackages,
  Tarballs,
} from '../../fixtures/processes/installed-app.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const tarballs = sharedSystem(() => Tarballs.pack());
const everything = sharedSystem(() => InstalledApp.install(tarballs(), publishedPackages));

/** Packages of this repository that an application installs beside another one, which names them as peers. */
const peers: Partial<Record<PublishedPackage, readonly PublishedPackage[]>> = { react: ['client'] };

describe.for(publishedPackages)('the tarball of %s', (name) => {
  const app = sharedSystem(() => InstalledApp.install(tarballs(), [name, ...(peers[name] ?? [])]));
  // Only the example of the client needs a gateway.
  const system = name === 'client' ? sharedSystem(() => startOnRedis()) : undefined;

  test('a package tarball can be installed alone, contains README and licence, and has importable entry points', async () => {
    for (const file of ['README.md', 'LICENSE']) expect(await app().read(name, file)).not.toBe('');
    const { exports, peerDependenciesMeta = {} }: { exports: object; peerDependenciesMeta?: object } =
      JSON.parse(await app().read(name, 'package.json'));
    // An entry point that needs an optional package is not tested, because that package is not installed here.
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
    const needsOthers = publishedPackages.some(
      (other) => other !== name && command.includes(`@millrace/${other}`),
    );
    for (const [, example = ''] of readme.matchAll(/<!-- example -->\n```js\n(.*?)\n```\n/gs)) {
      const code = example
        .replaceAll('redis://localhost:6379', redis.url)
        .replaceAll('http://localhost:4400', system?.().url ?? '');
      await (needsOthers ? everything() : app()).run(code);
    }
  });

  if (name !== 'gateway') return;

  test('the gateway tarball contains the program millrace, which prints its version', async () => {
    const { version }: { version: string } = JSON.parse(await app().read(name, 'package.json'));
    await using program = app().start('npx', ['millrace', '--version']);
    expect(await program.exit(), program.output).toBe(0);
    expect(program.output).toBe(version);
  });

  test('the program millrace in the gateway tarball starts a gateway, and it accepts any notification payload', async () => {
    const environment = { MILLRACE_DEV: '1', MILLRACE_PORT: '0' };
    await using gateway = app().start('npx', ['millrace', 'serve'], environment);
    const [, url = ''] = await gateway.line(/"url":"(http:[^"]+)"/);
    const payload = { message: 'Ticket updated' };
    await acceptEvents(url, { event_type: 'notification', room_id: 'ticket-42', payload });
  });
});

test.for(['fastapi', 'express'])(
  'the tarball of create-millrace writes a project with the backend %s, and refuses to write it again',
  async (backend) => {
    await using maker = await ProjectMaker.unpack(tarballs());
    await using create = maker.create(['my-app', '--backend', backend]);
    expect(await create.exit(), create.output).toBe(0);
    expect(create.output).toContain('npm run dev');
    const templates = await Promise.all(
      ['common', backend].map((folder) =>
        filesIn(`${repositoryPath}packages/create-millrace/templates/${folder}`),
      ),
    );
    const expected = [...templates.flat().filter((file) => file !== 'gitignore'), '.env', '.gitignore'];
    expect(await filesIn(join(maker.path, 'my-app'))).toEqual(expected.sort());
    await using again = maker.create(['my-app', '--backend', backend]);
    expect(await again.exit()).toBe(1);
    expect(again.lines).toEqual([expect.stringMatching(/^create-millrace: The folder my-app is not empty/)]);
  },
);

test('the program create-millrace asks at a terminal, and asks again after a wrong answer', async () => {
  await using maker = await ProjectMaker.unpack(tarballs());
  const answers = `printf 'asked\\ndjango\\n2\\n'`;
  const line = `${answers} | script -qec '${process.execPath} ${maker.program}' /dev/null`;
  await using asking = new CliProcess({
    file: 'sh',
    args: ['-c', line],
    folder: maker.path,
    hasChildren: true,
  });
  await asking.line(/asked now has a gateway, a backend with Express/);
  expect(asking.output).toMatch(/There is no backend "django"/);
  await using silent = maker.create([]);
  expect(await silent.exit()).toBe(1);
  expect(silent.lines).toEqual([expect.stringMatching(/no terminal to ask at.*--backend.*--yes/)]);
});

test('tarballs work together when they are installed together, although each contains copies of shared packages', async () => {
  await everything().run(`
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
  // Two packages need different versions of one package: the gateway, and the official client in @millrace/client.
  await everything().run(`
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

/** Returns the paths of all files in a folder. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(folder.length + 1))
    .sort();
}

// The .NET programs of examples/dotnet, which the guide docs/dotnet.md shows, receive and publish events.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';

/** Switches off telemetry and build servers, so that no process stays behind after a build. */
const environment = { DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1', MSBUILDDISABLENODEREUSE: '1' };

test('the .NET client receives what the .NET backend publishes, and nothing is missing after a restart of the gateway', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-dotnet-guide-'));
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const places = ['-o', `${folder}/out`, `-p:BaseIntermediateOutputPath=${folder}/obj/`];
  await using build = new CliProcess({
    file: 'dotnet',
    args: [
      'build',
      `${repositoryPath}examples/dotnet`,
      '-c',
      'Release',
      '--disable-build-servers',
      ...places,
    ],
    environment,
  });
  expect(await build.exit(), build.output).toBe(0);
  const start = (...args: readonly string[]) =>
    new CliProcess({ file: 'dotnet', args: [`${folder}/out/dotnet.dll`, ...args], environment });

  await using system = await startOnRedis();
  await using receiver = start('receive', system.url, 'ticket-42');
  await receiver.line(/^load ticket-42 from your backend$/); // the first join
  const publish = async (title: string): Promise<void> => {
    await using publisher = start('publish', system.url, 'ticket-42', title);
    expect(await publisher.exit(), publisher.output).toBe(0);
  };
  await publish('one');
  await receiver.line(/^one$/);
  const { port } = new URL(system.url);
  await system.gateway.stop('SIGKILL');
  await system.publisher.publish('notification', 'ticket-42', { type: 'info', title: 'two' });
  await system.startGateway({ MILLRACE_PORT: port });
  await receiver.line(/^two$/);
  await publish('three');
  await receiver.line(/^three$/);
  expect(receiver.lines).toEqual(['load ticket-42 from your backend', 'one', 'two', 'three']);
});

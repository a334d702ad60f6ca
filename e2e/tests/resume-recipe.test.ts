// The README's recipe for a plain client misses nothing and repeats nothing, whatever happens to its socket.
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { startTcpProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../fixtures/cli-process.js';
import { type DeliverySystem, startEmbedded, startOnRedis } from '../fixtures/delivery-system.js';
import { atAddresses, readSnippet } from '../fixtures/readme.js';
import { chatMessage, notification } from '../fixtures/sample-events.js';

const roomId = 'ticket-42';
const drops = 50;
const eventsPerSecond = 200;

/** Runs the recipe as it stands; each handled message is one line of its output. */
async function startRecipe(url: string): Promise<AsyncDisposable & { readonly program: CliProcess }> {
  const path = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(path, { recursive: true });
  // Only the delay before a reconnect is shortened, so that every drop meets an open socket soon.
  const code = (await readSnippet('resume')).replace('Math.random() * 1000', 'Math.random() * 50');
  await writeFile(`${path}/resume.mjs`, `${atAddresses(code, { gateway: url })}\nconsole.log('joined');\n`);
  const program = new CliProcess({ file: process.execPath, args: [`${path}/resume.mjs`] });
  return {
    program,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await rm(path, { recursive: true });
    },
  };
}

test.each<[string, () => Promise<DeliverySystem>]>([
  ['on Redis', () => startOnRedis()],
  ['in memory', startEmbedded],
])(`%s every message is handled once and in order over ${drops} dropped sockets`, async (_, start) => {
  await using system = await start();
  await using proxy = await startTcpProxy(Number(new URL(system.url).port));
  await using recipe = await startRecipe(`http://127.0.0.1:${proxy.port}`);
  await recipe.program.line(/^joined$/);
  const sent: string[] = [];
  for (let dropped = 0; dropped < drops; ) {
    for (let index = 0; index < eventsPerSecond / 5; index += 1) {
      sent.push(`message ${sent.length}`);
      await system.publisher.publishEvents([
        chatMessage(roomId, sent.at(-1) ?? ''),
        ...(index % 10 === 0 ? [notification(roomId, 'beside')] : []),
      ]);
      // The pace of the load, not a wait for anything.
      await new Promise((resolve) => setTimeout(resolve, 1_000 / eventsPerSecond));
    }
    if (proxy.connectionCount === 0) continue;
    proxy.cut();
    dropped += 1;
  }
  sent.push('the last message');
  await system.publisher.publishEvents([chatMessage(roomId, 'the last message')]);
  await recipe.program.line(/^the last message$/);
  const handled = recipe.program.output.split('\n').filter((line) => line.includes('message'));
  expect(handled).toEqual(sent);
  // Told to load once, by the first join, which had no position; never again.
  expect(recipe.program.output.match(/^load ticket-42/gm)).toHaveLength(1);
});

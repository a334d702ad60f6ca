// The example chat with React, served by Vite as its README says, beside a gateway in development mode.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { freePort } from '@millrace/testkit';
import { createServer } from 'vite';
import { expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';

const example = `${repositoryPath}examples/react`;

test('a message that is written in one window of the React example appears in both', async () => {
  await using gateway = await EmbeddedGateway.start();
  await using served = await serveExample(new URL(gateway.url).port);
  await using browser = await TestBrowser.start();
  const [first, second] = [await browser.page('http://localhost'), await browser.page('http://localhost')];
  for (const page of [first, second]) {
    await page.goto(served.url);
    await page.locator('section[data-status=live]').waitFor();
  }

  await first.getByLabel('Message').pressSequentially('Hello');
  await second.getByText('anonymous is typing').waitFor();
  await first.keyboard.press('Enter');
  for (const page of [first, second]) await page.getByRole('listitem').getByText('Hello').waitFor();
  expect(browser.takeComplaints()).toEqual([]);
});

/** Serves a copy of the example that knows the port of the gateway. The copy is in this repository, to find the packages. */
async function serveExample(gatewayPort: string): Promise<AsyncDisposable & { readonly url: string }> {
  const folder = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(folder, { recursive: true });
  for (const { name } of (await readdir(example, { withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  )) {
    const text = await readFile(`${example}/${name}`, 'utf8');
    const extended = text.replace('../../tsconfig.tests.json', `${repositoryPath}tsconfig.tests.json`);
    await writeFile(`${folder}/${name}`, extended.replaceAll('localhost:4400', `localhost:${gatewayPort}`));
  }
  const vite = await createServer({
    root: folder,
    configFile: `${folder}/vite.config.mjs`,
    cacheDir: `${folder}/.vite`,
    logLevel: 'error',
    server: { port: await freePort(), strictPort: true },
  });
  await vite.listen();
  return {
    url: vite.resolvedUrls?.local[0] ?? '',
    async [Symbol.asyncDispose]() {
      await vite.close();
      await rm(folder, { recursive: true });
    },
  };
}

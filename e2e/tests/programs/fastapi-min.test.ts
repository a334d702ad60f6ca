// The smallest application: its three processes run with the settings of its compose file, and a person adds notes on its page.
import { readFile } from 'node:fs/promises';
import { freePort, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { CliProcess, type Environment, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const folder = `${repositoryPath}examples/fastapi-min`;

test('a note typed on the page of the smallest application appears there, also after the gateway and Redis were restarted', async () => {
  const [gatewayPort, appPort] = [await freePort(), await freePort()];
  await using redis = await startRedis();
  const { gateway, app } = await environments({
    'redis://redis:6379': redis.url,
    'http://localhost:4400': `http://localhost:${gatewayPort}`,
    'http://localhost:8000': `http://localhost:${appPort}`,
    './app.mjs': `${folder}/app.mjs`,
  });
  const gatewayEnvironment = { ...gateway, MILLRACE_PORT: String(gatewayPort) };
  const first = await GatewayProcess.start(gatewayEnvironment);
  await using program = new CliProcess({
    file: '/usr/bin/python3',
    args: ['-m', 'uvicorn', 'main:app', '--port', String(appPort), '--app-dir', folder],
    environment: app,
  });
  const url = `http://localhost:${appPort}`;
  await program.line(/Uvicorn running/);

  await using browser = await TestBrowser.start();
  const page = await browser.page('http://localhost');
  // A gateway answers 503 while Redis is unavailable. An EventSource does not reconnect after this answer, so the page must do it.
  await page.route('**/v1/rooms/**', (route) => route.fulfill({ status: 503 }), { times: 1 });
  await page.goto(url);
  const add = async (text: string): Promise<void> => {
    await page.getByLabel('Note').fill(text);
    await page.getByRole('button', { name: 'Add' }).click();
  };
  const notes = async (...expected: readonly string[]): Promise<void> =>
    eventually(async () => expect(await page.getByRole('listitem').allTextContents()).toEqual(expected));
  const status = page.getByRole('status');
  const live = (): Promise<void> => eventually(async () => expect(await status.textContent()).toBe('Live'));

  await live();
  await add('Ring Maria');
  await notes('Ring Maria');
  expect(await page.getByLabel('Note').inputValue()).toBe('');

  await first.stop();
  await eventually(async () => expect(await status.textContent()).toMatch(/No connection/));
  await add('While the gateway is unavailable');
  await using second = await GatewayProcess.start(gatewayEnvironment);
  second.mayLogErrors = true; // Redis is restarted
  await notes('Ring Maria', 'While the gateway is unavailable');
  await live();
  expect(await page.getByRole('alert').isVisible()).toBe(false);

  await redis.stop();
  await add('While Redis is unavailable');
  await eventually(async () => expect(await status.textContent()).toMatch(/not added/));
  await redis.restart();
  await page.getByRole('button', { name: 'Add' }).click();
  await notes('Ring Maria', 'While the gateway is unavailable', 'While Redis is unavailable');
  await page.getByRole('alert').waitFor();
  await page.close();
  browser.takeComplaints(); // requests that failed while a server was unavailable
});

/** Returns the environment of each service in the compose file, with the addresses of this test. */
async function environments(
  places: Readonly<Record<string, string>>,
): Promise<Readonly<Record<'gateway' | 'app', Environment>>> {
  let text = await readFile(`${folder}/compose.yaml`, 'utf8');
  for (const [written, real] of Object.entries(places)) text = text.replaceAll(written, real);
  const { services } = parse(text) as {
    readonly services: Readonly<Record<'gateway' | 'app', { readonly environment: Environment }>>;
  };
  return { gateway: services.gateway.environment, app: services.app.environment };
}

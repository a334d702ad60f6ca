// The built site (`npm run docs`) as readers see it: axe finds no serious fault on any page, in light and in dark colours; nothing
// sticks out of a phone's screen; search finds pages; and programs find every page as Markdown. SCREENSHOTS=folder keeps pictures.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';

const root = `${repositoryPath}site/dist`;
const pictures = process.env['SCREENSHOTS'];
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};
/** Pages with something special: the start, code, pictures, wide tables, charts, long code, generated tables. */
const special = [
  '',
  'getting-started.html',
  'concepts/positions.html',
  'concepts/streams.html',
  'comparison.html',
  'latency.html',
  'performance.html',
  'protocol.html',
  'settings.html',
  'http.html',
  'decisions/index.html',
];

let server: Server;
let origin: string;
let browser: TestBrowser;
let axeSource: string;
let llms: string;

beforeAll(async () => {
  if (!existsSync(`${root}/llms.txt`)) throw new Error('the site is not built: run npm run docs');
  server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname);
    const file = join(root, path.endsWith('/') ? `${path}index.html` : path);
    if (!file.startsWith(root) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('content-type', types[extname(file)] ?? 'text/plain; charset=utf-8');
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await TestBrowser.start();
  axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  llms = await (await fetch(`${origin}/llms.txt`)).text();
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

/** The pages that llms.txt lists, as Markdown. */
const twins = (): readonly string[] =>
  Array.from(llms.matchAll(/\]\((\/[^)]+\.md)\)/g), ([, path = '']) => path);

async function seriousFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(async () => {
    // oxlint-disable-next-line typescript/no-unsafe-member-access
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return axe.run({ resultTypes: ['violations'] });
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id} (${nodes.length}): ${nodes
          .slice(0, 3)
          .map(({ html }) => html.slice(0, 160))
          .join(' | ')}`,
    );
}

/** Opens each page, and returns the faults by page. */
async function faultsOf(
  paths: readonly string[],
  page: Page,
  picture: string,
): Promise<Readonly<Record<string, unknown>>> {
  const faults: Record<string, unknown> = {};
  for (const path of paths) {
    await page.goto(`${origin}/${path}`);
    await page.waitForLoadState('networkidle');
    const found = [...(await seriousFaults(page)), ...(await page.evaluate(stickingOut))];
    if (found.length > 0) faults[path] = found;
    if (pictures === undefined || !special.includes(path)) continue;
    const name = (path || 'index').replaceAll(/\W/g, '-');
    await page.screenshot({ path: `${pictures}/${name}-${picture}.png`, animations: 'disabled' });
  }
  return faults;
}

/** Runs in the page. Returns the elements because of which the page can be scrolled sideways. */
function stickingOut(): readonly string[] {
  const { clientWidth, scrollWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.querySelectorAll('main *')].filter(
    (element) =>
      element.getBoundingClientRect().right > clientWidth + 1 && element.closest('.table, pre, svg') === null,
  );
  return [
    `${scrollWidth} px wide: ${wide
      .slice(0, 3)
      .map(({ outerHTML }) => outerHTML.slice(0, 120))
      .join(' | ')}`,
  ];
}

test('axe finds no serious fault on any page', async () => {
  const paths = twins().map((path) => path.slice(1).replace(/\.md$/, '.html'));
  expect(paths.length).toBeGreaterThan(50);
  await using device = await browser.device(origin, { colorScheme: 'light' });
  expect(await faultsOf([...new Set([...special, ...paths])], device.page, 'light')).toEqual({});
});

test('axe finds no serious fault in dark colours', async () => {
  await using device = await browser.device(origin, { colorScheme: 'dark' });
  expect(await faultsOf(special, device.page, 'dark')).toEqual({});
});

test('no page is wider than the screen of a phone', async () => {
  await using device = await browser.device(origin, {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  const paths = twins().map((path) => path.slice(1).replace(/\.md$/, '.html'));
  expect(await faultsOf([...new Set([...special, ...paths])], device.page, 'phone')).toEqual({});
});

test('the search finds a setting by its name', async () => {
  await using device = await browser.device(origin);
  const { page } = device;
  await page.goto(`${origin}/`);
  await page
    .getByRole('button', { name: /Search/ })
    .first()
    .click();
  await page.getByRole('searchbox').fill('MILLRACE_REDIS_KEY_PREFIX');
  await page.locator('.VPLocalSearchBox .result').first().waitFor();
  expect(await page.locator('.VPLocalSearchBox .results').textContent()).toContain('Settings');
});

test('llms.txt lists every page of the menu, and each of them exists as Markdown', async () => {
  await using device = await browser.device(origin);
  await device.page.goto(`${origin}/settings.html`);
  const links = await device.page
    .locator('aside.VPSidebar a')
    .evaluateAll((all) => all.map((a) => a.getAttribute('href') ?? ''));
  const listed = twins();
  expect(
    links.map((link) => link.replace(/\/$/, '/index.html').replace(/\.html$/, '.md')).toSorted(),
  ).toEqual([...listed].toSorted());
  for (const path of listed) {
    const response = await fetch(`${origin}${path}`);
    expect([path, response.status]).toEqual([path, 200]);
    expect(await response.text()).toMatch(/^# /);
  }
});

/*
 * The unmodified official clients in headless Chromium: every feature over every transport with every protocol.
 */
import { launchChromium } from '@millrace/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../support/host.js';
import { VERSIONS, type Version } from '../support/matrix/cells.js';
import { describeMatrix } from '../support/matrix/describe-matrix.js';
import { startMatrixServer } from '../support/matrix/matrix-server.js';
import { createPageServer, pagePath } from '../support/matrix/page-server.js';

let host: Host;
let browser: Browser;
/** One page for each client version. The tests of a version run in its page, one after the other. */
const pages = new Map<Version, Page>();

beforeAll(async () => {
  host = await startMatrixServer(await createPageServer());
  browser = await launchChromium();
  for (const version of VERSIONS) {
    const page = await browser.newPage();
    await page.goto(host.url + pagePath(version));
    pages.set(version, page);
  }
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await host?.[Symbol.asyncDispose]();
});

function pageOf(version: Version): Page {
  const page = pages.get(version);
  if (page === undefined) throw new Error(`no page of ${version}`);
  return page;
}

test.each(VERSIONS)('the page for version %s has loaded the client of that version', async (version) => {
  expect(await pageOf(version).evaluate(() => window.signalR.VERSION)).toBe(version);
});

describeMatrix('Chromium', ({ version, feature, transport, protocol }) =>
  pageOf(version).evaluate(([lane, name]) => window.tryCell(lane, name), [
    { transport, protocol },
    feature,
  ] as const),
);

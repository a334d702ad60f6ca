// Starts Debian's Chromium headless and without background requests to the Internet.
import type { Browser } from 'playwright-core';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Starts Chromium with an empty profile. The caller closes it. */
export async function launchChromium(): Promise<Browser> {
  // The tests of all packages import the testkit's index and therefore this file. Few need playwright-core, so it is loaded
  // on demand.
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

// Starts Debian's Chromium without a window and without background requests to the Internet.
import type { Browser } from 'playwright-core';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Starts Chromium with an empty profile. The caller closes it. */
export async function launchChromium(): Promise<Browser> {
  // Loads playwright-core only when it is needed, because the tests of all packages import the testkit's index and therefore this
  // file.
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

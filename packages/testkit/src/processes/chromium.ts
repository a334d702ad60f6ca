// Debian's Chromium, without a window and without requests to the outside.
import type { Browser } from 'playwright-core';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Starts it, with an empty profile. The caller closes it. */
export async function launchChromium(): Promise<Browser> {
  // Loaded only when needed: every test of every package imports the list of exports that names this file.
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

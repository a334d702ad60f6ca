// Debian's Chromium, without a window and without a word to anybody outside.
import type { Browser } from 'playwright-core';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Starts it, with an empty profile. Whoever started it closes it. */
export async function launchChromium(): Promise<Browser> {
  // Loaded by those who need it: every test of every package imports the list that this stands in.
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

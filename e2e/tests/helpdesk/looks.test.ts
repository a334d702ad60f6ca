// The looks and the accessibility of the helpdesk. axe finds no serious fault in any state, in light and in dark colours.
// SCREENSHOTS=1 also writes the pictures of docs/images.
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { buildWeb } from '@millrace/helpdesk/build-web';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { DeskPane, DeskSystem, people, vpnTicket } from '../../fixtures/browser/desk.js';

const imageFolder = fileURLToPath(new URL('../../../docs/images', import.meta.url));
const takesPictures = process.env['SCREENSHOTS'] === '1';

let browser: TestBrowser;
let axeSource: string;

beforeAll(async () => {
  browser = await TestBrowser.start();
  axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  if (takesPictures) await mkdir(imageFolder, { recursive: true });
});

afterAll(() => browser[Symbol.asyncDispose]());

/** Waits until the page looks as a person sees it: fonts and styles are loaded, and all animations have ended. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((resolve) => {
      requestAnimationFrame(() => requestAnimationFrame(resolve));
    });
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
}

/** Returns axe's findings that are serious or worse, as readable lines. */
async function seriousFaults(page: Page): Promise<readonly string[]> {
  await settled(page);
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(async () => {
    // oxlint-disable-next-line typescript/no-unsafe-member-access
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return axe.run({ resultTypes: ['violations'] });
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

async function expectNoFaults(page: Page, state: string): Promise<void> {
  expect({ state, faults: await seriousFaults(page) }).toEqual({ state, faults: [] });
}

/**
 * Expects that nothing in the pane is cut off at the sides, neither a part of the page nor a text. Two kinds of text may be cut: the
 * preview of a message, and text that only screen readers read.
 */
async function expectNothingSticksOut({ pane }: DeskPane): Promise<void> {
  await settled(pane.page());
  const cut = await pane.evaluate((root) =>
    [root, ...root.querySelectorAll<HTMLElement>('*:not(.ticket-preview)')]
      .filter(({ clientWidth, scrollWidth }) => clientWidth > 1 && scrollWidth > clientWidth)
      .filter((element) => element === root || getComputedStyle(element).overflowX !== 'visible')
      .map(({ className, textContent }) => `${className}: ${textContent?.slice(0, 60)}`),
  );
  expect(cut).toEqual([]);
}

async function picture(page: Page, name: string): Promise<void> {
  if (!takesPictures) return;
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${imageFolder}/${name}.png`, animations: 'disabled' });
}

/** A few messages, so that the pictures show a helpdesk in use. */
function smallTalk(maria: DeskPane, noa: DeskPane): readonly [DeskPane, DeskPane, string][] {
  return [
    [noa, maria, 'Ten minutes now, and no drop.'],
    [maria, noa, 'Good. I am watching it from here as well.'],
    [noa, maria, 'Do I have to do anything?'],
    [maria, noa, 'Nothing at all. Work as usual.'],
    [noa, maria, 'Then I continue with the accruals.'],
  ];
}

const schemes = ['light', 'dark'] as const;

describe.each(schemes)('in %s colours', (colorScheme) => {
  test('axe finds no serious fault in any state of the pages', async () => {
    await using system = await DeskSystem.start('the embedded broker');
    await using device = await browser.device(system.url, {
      colorScheme,
      reducedMotion: 'reduce',
      viewport: { width: 1440, height: 900 },
    });
    const { page } = device;
    await page.goto(system.url);
    const [maria, noa] = [new DeskPane(page, 'Agent'), new DeskPane(page, 'Requester')];
    await maria.live();
    await noa.live();
    await noa.message('Perfect. I will keep this open').waitFor();
    await expectNoFaults(page, 'side by side');
    await maria.pane.getByLabel('Search tickets').fill('quarter');
    await maria.pane.getByText('1 ticket found').waitFor();
    await expectNoFaults(page, 'a search');
    await maria.pane.getByLabel('Search tickets').fill('');

    for (const [from, to, text] of smallTalk(maria, noa)) {
      await from.send(text);
      await to.message(text).waitFor();
    }
    await maria.button('Cut the connection').click();
    await maria.button('Let Noa write meanwhile').click();
    await noa.message('Shall I try it over').waitFor();
    await maria.button('Let Noa write meanwhile').and(page.locator(':enabled')).waitFor();
    await maria.send('It looks steady from here.');
    await expectNoFaults(page, 'a cut connection');
    await picture(page, `helpdesk-cut-${colorScheme}`);

    await maria.button('Restore the connection').click();
    await maria.report.waitFor();
    await noa.message('It looks steady from here.').waitFor();
    await noa.input.pressSequentially('Good. Then I');
    await maria.typing.getByText('is typing').waitFor();
    await expectNoFaults(page, 'a report, and somebody typing');
    await picture(page, `helpdesk-${colorScheme}`);

    await maria.button(/^Remote session$/).click();
    await page.getByRole('menuitem', { name: 'Ask to see the screen' }).waitFor();
    await expectNoFaults(page, 'an open menu');
    await page.getByRole('menuitem', { name: 'Ask to see the screen' }).click();
    await noa.button('Accept').waitFor();
    await expectNoFaults(page, 'an invitation');
    await noa.button('Accept').click();
    await maria.button('End session').waitFor();
    await maria.pane.getByRole('combobox', { name: 'Status' }).click();
    await page.getByRole('option', { name: 'Solved' }).waitFor();
    await expectNoFaults(page, 'an open list');
    await page.keyboard.press('Escape');
    await noa.button(/^Notifications/).click();
    await page.getByRole('dialog').waitFor();
    await expectNoFaults(page, 'the bell');

    await page.goto(`${system.url}/agent`);
    await page.getByRole('link', { name: /Maria/ }).waitFor();
    await expectNoFaults(page, 'choosing a person');

    const requester = await DeskPane.open(page, system.url, 'requester', 'noa');
    await expectNoFaults(page, 'a requester alone');
    await requester.button('New request').click();
    await page.getByRole('dialog').waitFor();
    await expectNoFaults(page, 'a new request');

    await page.goto(`${system.url}/nowhere`);
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    await expectNoFaults(page, 'an unknown address');
    // The browser reports the status 404.
    browser.takeComplaints();
  });

  test('axe finds no serious fault on a phone', async () => {
    await using system = await DeskSystem.start('the embedded broker');
    await using device = await browser.device(system.url, {
      colorScheme,
      reducedMotion: 'reduce',
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      isMobile: true,
      hasTouch: true,
    });
    const { page } = device;
    const noa = await DeskPane.open(page, system.url, 'requester', 'noa', vpnTicket);
    await (await system.signIn(people.maria)).send(vpnTicket, 'Is it still holding?');
    await noa.message('Is it still holding?').waitFor();
    await expectNoFaults(page, 'an open ticket');
    await picture(page, `helpdesk-phone-${colorScheme}`);
    // Nothing is wider than the page.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await expectNothingSticksOut(noa);
    await noa.button('Back to the list').click();
    await noa.pane.locator('.ticket-item').first().waitFor();
    await expectNothingSticksOut(noa);
    await expectNoFaults(page, 'the list');
    await picture(page, `helpdesk-phone-list-${colorScheme}`);

    await page.goto(system.url);
    await page.getByText('Agent: Maria').click();
    const maria = new DeskPane(page, 'Agent');
    await maria.live();
    await expectNothingSticksOut(maria);
    await expectNoFaults(page, 'both sides');
    await picture(page, `helpdesk-phone-split-${colorScheme}`);
    await maria.button('Back to the list').click();
    await maria.ticket(1048).waitFor();
    await expectNothingSticksOut(maria);

    await system.stop();
    await maria.banner.waitFor();
    await expectNothingSticksOut(maria);
    await expectNoFaults(page, 'a gateway that is down');
    // The browser reports each attempt to connect. An empty page ends the attempts.
    await page.goto('about:blank');
    browser.takeComplaints();
  });
});

test('the page on the smallest phone cuts nothing off and has no overlapping parts', async () => {
  await using system = await DeskSystem.start('the embedded broker');
  await using device = await browser.device(system.url, {
    viewport: { width: 320, height: 640 },
    isMobile: true,
    hasTouch: true,
  });
  const { page } = device;
  const expectFits = async ({ pane }: DeskPane): Promise<void> => {
    await settled(page);
    const boxOf = async (selector: string) =>
      (await pane.locator(selector).boundingBox()) ?? expect.fail(selector);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    for (const selector of ['.composer button', '.connection-buttons button', '.bell', '.ticket-head']) {
      const { x, width } = await boxOf(selector);
      expect({ selector, isInside: x >= 0 && x + width <= 320 }).toEqual({ selector, isInside: true });
    }
    const name = await boxOf('.person-button');
    expect(name.x + name.width).toBeLessThanOrEqual((await boxOf('.state')).x);
  };
  for (const [role, as] of [
    ['agent', 'maria'],
    ['requester', 'noa'],
  ] as const) {
    const alone = await DeskPane.open(page, system.url, role, as, vpnTicket);
    await expectFits(alone);
    await expectNothingSticksOut(alone);
  }
  await page.goto(system.url);
  const noa = new DeskPane(page, 'Requester');
  await noa.live();
  await expectFits(noa);
});

test('a ticket can be opened and answered with the keyboard alone', async () => {
  await using system = await DeskSystem.start('the embedded broker');
  await using device = await browser.device(system.url);
  const { page } = device;
  await page.goto(`${system.url}/requester?as=noa`);
  const noa = new DeskPane(page, 'Requester');
  await noa.live();
  // The first Tab reaches a link that skips the navigation.
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.className)).toBe('skip-link');
  await page.keyboard.press('Enter');
  const tabTo = async (isThere: () => boolean): Promise<void> => {
    for (let step = 0; step < 40; step++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(isThere)) return;
    }
    throw new Error('the keyboard does not get there');
  };
  await tabTo(() => document.activeElement?.getAttribute('data-ticket') === '1048');
  await page.keyboard.press('Enter');
  await noa.message('Perfect. I will keep this open').waitFor();
  await tabTo(() => document.activeElement?.tagName === 'TEXTAREA');
  await page.keyboard.type('Written by keyboard');
  await page.keyboard.press('Enter');
  await noa.pane.locator('li[data-message-id]').filter({ hasText: 'Written by keyboard' }).waitFor();
  await tabTo(() => document.activeElement?.textContent === 'Cut the connection');
  await page.keyboard.press('Enter');
  await noa.button('Restore the connection').waitFor();
});

test('a first visit loads less than 300 kB, including the font', async () => {
  const { bytes } = await buildWeb();
  console.log(`helpdesk: ${Math.round(bytes / 1024)} kB to load, compressed, font included`);
  expect(bytes).toBeLessThan(300 * 1024);
});

// One person's connection is cut for five seconds while another person writes. No message may be lost or shown twice.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { brokerKinds, DeskPane, DeskSystem, people, vpnTicket } from '../../fixtures/browser/desk.js';

const awayMs = 5_000;
const pauseBetweenMs = 50;

/** Number of messages in the traffic. Together with the others they are fewer than the desk's page of 200 messages. */
const trafficCount = 150;

/** Writes messages until it is stopped or has written `trafficCount`. `stop` returns the number of messages. */
function startTraffic(system: DeskSystem) {
  const stop = new AbortController();
  const written = (async () => {
    const noa = await system.signIn(people.noa);
    let count = 0;
    while (!stop.signal.aborted && count < trafficCount) {
      count += 1;
      await noa.send(vpnTicket, `line ${count}`);
      await pause(pauseBetweenMs);
    }
    return count;
  })();
  const end = async (): Promise<number> => {
    stop.abort();
    return written;
  };
  return {
    stop: end,
    async [Symbol.asyncDispose]() {
      await end().catch(() => {});
    },
  };
}

describe.each(brokerKinds)('on %s', (kind) => {
  test('a page whose connection was cut shows every missed message once after it reconnects', async () => {
    await using system = await DeskSystem.start(kind);
    await using browser = await TestBrowser.start();
    const page = await browser.page(system.url);
    const maria = await DeskPane.open(page, system.url, 'agent', 'maria', vpnTicket);
    const noa = await system.signIn(people.noa);
    await noa.send(vpnTicket, 'before');
    await maria.message('before').waitFor();

    await using traffic = startTraffic(system);
    await maria.message('line 3').first().waitFor();
    await maria.button('Cut the connection').click();
    await maria.pane.locator('.state[data-state=cut]').waitFor();
    const numbersWhenCut = await maria.shownNumbers();
    await maria.send('written while cut off');
    await pause(awayMs);
    expect(await maria.shownNumbers()).toEqual(numbersWhenCut);
    expect((await noa.storedNumbers(vpnTicket)).length).toBeGreaterThan(numbersWhenCut.length + 20);

    await maria.button('Restore the connection').click();
    await maria.report.waitFor();
    await maria.message('written while cut off').and(maria.pane.locator('[data-message-id]')).waitFor();
    const written = await traffic.stop();
    await maria.message(`line ${written}`).first().waitFor();

    expect(await maria.figure('replay')).toBeGreaterThan(20);
    expect(await maria.figure('lost')).toBe(0);
    expect(await maria.figure('duplicated')).toBe(0);
    expect(await maria.figure('away')).toBeGreaterThanOrEqual(awayMs / 1_000);
    expect(await maria.shownNumbers()).toEqual(await noa.storedNumbers(vpnTicket));
    expect(await maria.message('written while cut off').count()).toBe(1);
  });
});

describe('without a replay by the gateway', () => {
  test('a page loads missed messages that the gateway cannot replay, and shows each of them once', async () => {
    await using system = await DeskSystem.start('the embedded broker');
    await using browser = await TestBrowser.start();
    const page = await browser.page(system.url);
    const maria = await DeskPane.open(page, system.url, 'agent', 'maria', vpnTicket);
    const noa = await system.signIn(people.noa);
    await maria.button('Cut the connection').click();
    for (let count = 1; count <= 250; count++) await noa.send(vpnTicket, `line ${count}`);
    // The in-memory broker's streams are lost with the gateway.
    await system.restart();
    await maria.button('Restore the connection').click();
    await maria.report.waitFor();
    expect(await maria.figure('load')).toBe(250);
    expect(await maria.figure('lost')).toBe(0);
    expect(await maria.figure('duplicated')).toBe(0);
    const shown = await maria.shownNumbers();
    expect(shown).toEqual(shown.map((_, index) => (shown[0] ?? 0) + index));
    expect(shown.at(-1)).toBe((await noa.storedNumbers(vpnTicket)).at(-1));
  });

  test('the connection trial reports messages as lost if they can be neither replayed nor loaded', async () => {
    await using system = await DeskSystem.start('the embedded broker');
    await using browser = await TestBrowser.start();
    const page = await browser.page(system.url);
    const maria = await DeskPane.open(page, system.url, 'agent', 'maria', vpnTicket);
    const noa = await system.signIn(people.noa);
    await maria.button('Cut the connection').click();
    for (let count = 1; count <= 3; count++) await noa.send(vpnTicket, `line ${count}`);
    await system.restart();
    await page.route(`**/api/tickets/${vpnTicket}?*`, (route) => route.abort());
    await maria.button('Restore the connection').click();
    await maria.report.waitFor();
    expect(await maria.figure('lost')).toBe(3);
    // The browser complains about each request that the test aborted. An empty page makes no further ones.
    await page.goto('about:blank');
    browser.takeComplaints();
  });
});

test('a person whose connection was cut receives the missed messages of another person on the same page', async () => {
  await using system = await DeskSystem.start('the embedded broker');
  await using browser = await TestBrowser.start();
  const page = await browser.page(system.url);
  await page.goto(system.url);
  const [maria, noa] = [new DeskPane(page, 'Agent'), new DeskPane(page, 'Requester')];
  await maria.live();
  await noa.live();
  await noa.button('Cut the connection').click();
  await noa.button('Let Maria write meanwhile').click();
  const lastLine = 'Tell me if anything looks odd.';
  await maria.message(lastLine).and(maria.pane.locator('[data-tick=sent]')).waitFor();
  expect(await noa.message(lastLine).count()).toBe(0);
  await noa.button('Restore the connection').click();
  await noa.report.waitFor();
  expect(await noa.figure('replay')).toBe(8);
  expect(await noa.figure('lost')).toBe(0);
  expect(await noa.figure('duplicated')).toBe(0);
  await maria.message(lastLine).and(maria.pane.locator('[data-tick=read]')).waitFor();
});

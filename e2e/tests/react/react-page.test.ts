// A page with React in StrictMode in a real browser. Rooms change fast, components are removed and shown again, and the
// gateway is replaced. The tests judge the events on the page and the calls at its sockets.
import { setTimeout as pause } from 'node:timers/promises';
import { connectPublisher } from '@millrace/publisher';
import { freePort, startRedis } from '@millrace/testkit';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import type { TestedWindow } from '../../fixtures/react/browser-entry.js';
import { createReactPage, pagePath, reactVersions } from '../../fixtures/react/react-page.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const rooms = ['ticket-1', 'ticket-2'] as const;
const changes = 60;
/** Maximum number of times that `changes` rooms are changed until enough probes have received events. */
const maxRounds = 30;
/** The rooms that every connection is in. The client joins them by itself, to resume them. */
const standingRooms: readonly unknown[] = ['user:me', '*'];

/** A message of the client as JSON. Only a call has a target. */
interface Call {
  readonly target?: string;
  readonly arguments?: readonly unknown[];
}

const browser = sharedSystem(() => TestBrowser.start());
const redis = sharedSystem(() => startRedis());

describe.each(reactVersions)('on React %s', (version) => {
  test('a page loses or doubles no event while rooms change, components are remounted and the gateway is replaced', async () => {
    const port = await freePort();
    const redisUrl = redis().url;
    const app = await createReactPage(version);
    let gateway = await EmbeddedGateway.start({ redisUrl, port, app });
    try {
      await using device = await browser().device(gateway.url);
      const { page } = device;
      const sockets = recordCalls(page);
      await page.goto(`${gateway.url}${pagePath}`);
      await page.locator('section[data-status=live]').waitFor();
      expect(sockets).toEqual([['JoinRoom ticket-1']]);
      expect(browser().takeComplaints()).toEqual([]);

      await using traffic = await startTraffic(redisUrl, rooms);
      await swapProbes(page, 10);
      await gateway[Symbol.asyncDispose]();
      await traffic.next(20);
      gateway = await EmbeddedGateway.start({ redisUrl, port, app });
      await page.locator('section[data-status=live]').waitFor();
      await remount(page);
      await swapProbes(page, 20);
      await traffic.next(5);
      const last = await traffic.stop();
      await eventually(async () => {
        const logs = await logsOf(page);
        const ends = rooms.map((room) => logs.findLast((log) => log.room === room)?.numbers.at(-1));
        expect(ends).toEqual([last, last]);
      });
      const logs = await logsOf(page);
      const broken = logs.filter(({ numbers }) => numbers.some((n, at) => n !== (numbers[0] ?? 0) + at));
      expect(broken).toEqual([]);
      expect(logs.filter(({ numbers }) => numbers.length > 0).length).toBeGreaterThanOrEqual(20);

      await page.evaluate(() => (globalThis as unknown as TestedWindow).tested.empty());
      for (const room of rooms) {
        await eventually(() => expect(callsOf(sockets.at(-1), room).at(-1)).toBe(`LeaveRoom ${room}`));
        expectAlternating(sockets, room);
      }
      expectNoComplaintsButOfTheOutage();
    } finally {
      await gateway[Symbol.asyncDispose]();
    }
  });

  test('screens show the database and who is there while rooms change, components are remounted and the gateway is replaced', async () => {
    const port = await freePort();
    const redisUrl = redis().url;
    const screens = ['screen-1', 'screen-2'].map((room) => `${room}-${version}`) as [string, string];
    const [first, second] = screens;
    const database = new Map<string, number[]>(screens.map((room) => [room, []]));
    const loads: string[] = [];
    const app = await createReactPage(version, (room) => {
      loads.push(room);
      return database.get(room) ?? [];
    });
    let gateway = await EmbeddedGateway.start({ redisUrl, port, app });
    try {
      await using changing = await browser().device(gateway.url);
      await using steady = await browser().device(gateway.url);
      const sockets = recordCalls(changing.page);
      for (const [user, { page }] of [['ana', changing] as const, ['ben', steady] as const]) {
        await page.goto(`${gateway.url}${pagePath}?user=${user}`);
        await page.locator('section[data-status=live]').waitFor();
      }
      await showScreens(changing.page, [first]);
      await changing.page.locator(`article[aria-label=${first}][data-status=live]`).waitFor();
      // StrictMode runs every effect twice, and loads once.
      expect(loads).toEqual([first]);
      await showScreens(steady.page, screens);

      await using traffic = await startTraffic(redisUrl, screens, (room, number) =>
        database.get(room)?.push(number),
      );
      await swapRooms(changing.page, 'screens', screens);
      await gateway[Symbol.asyncDispose]();
      await traffic.next(20);
      gateway = await EmbeddedGateway.start({ redisUrl, port, app });
      await remount(changing.page);
      await swapRooms(changing.page, 'screens', screens);
      await traffic.next(5);
      await traffic.stop();
      for (const room of screens) {
        const members = ['ana', 'ben'].map((user) => `${user} 1 ${JSON.stringify({ watches: room })}`);
        const wanted = { status: 'live', numbers: database.get(room)?.join(' '), members };
        for (const { page } of [changing, steady])
          await eventually(async () => expect(await screenOf(page, room)).toEqual(wanted));
      }

      await showScreens(changing.page, [second]);
      await eventually(async () =>
        expect((await screenOf(steady.page, first)).members.map((text) => text.split(' ')[0])).toEqual([
          'ben',
        ]),
      );
      for (const room of screens) expectAlternating(sockets, room);
      expectNoComplaintsButOfTheOutage();
    } finally {
      await gateway[Symbol.asyncDispose]();
    }
  });
});

test('the example shows a message once on the other page, after its typing', async () => {
  await using gateway = await EmbeddedGateway.start({ app: await createReactPage('19') });
  await using one = await browser().device(gateway.url);
  await using other = await browser().device(gateway.url);
  for (const { page } of [one, other]) {
    await page.goto(`${gateway.url}${pagePath}`);
    await page.getByRole('button', { name: 'ticket-2' }).click();
    await page.locator('section[aria-label=ticket-2][data-status=live]').waitFor();
    await page.getByRole('status').getByText('Connected').waitFor();
  }
  const input = one.page.getByLabel('Message');
  await input.pressSequentially('Hello');
  await input.press('Enter');
  for (const { page } of [one, other]) {
    await page.getByRole('listitem').getByText('Hello').waitFor();
    expect(await page.getByRole('listitem').allInnerTexts()).toEqual(['Hello']);
  }
});

/** Records the room calls of each socket of the page, without those of the personal room. */
function recordCalls(page: Page): string[][] {
  const sockets: string[][] = [];
  page.on('websocket', (socket) => {
    const calls: string[] = [];
    sockets.push(calls);
    socket.on('framesent', ({ payload }) => {
      for (const message of String(payload).split('\u001e').filter(Boolean)) {
        const { target, arguments: [roomId] = [] }: Call = JSON.parse(message);
        if (/^(Join|Leave)Room$/.test(target ?? '') && !standingRooms.includes(roomId))
          calls.push(`${target} ${String(roomId)}`);
      }
    });
  });
  return sockets;
}

function callsOf(calls: readonly string[] = [], room: string): readonly string[] {
  return calls.filter((call) => call.endsWith(room));
}

/** Expects the page to have joined and left a room in turns on each socket: no subscription was doubled or lost. */
function expectAlternating(sockets: readonly (readonly string[])[], room: string): void {
  for (const calls of sockets) {
    const own = callsOf(calls, room);
    expect(own).toEqual(own.map((_, at) => `${at % 2 === 0 ? 'JoinRoom' : 'LeaveRoom'} ${room}`));
  }
}

/** Complaints of a browser whose gateway has ended a connection, also one that it kept for the next request. */
const OUTAGE = /ERR_(CONNECTION|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE)|WebSocket|503/;

function expectNoComplaintsButOfTheOutage(): void {
  const complaints = browser().takeComplaints();
  expect(complaints.filter((text) => !OUTAGE.test(text))).toEqual([]);
}

function swapRooms(
  page: Page,
  what: 'probes' | 'screens',
  [first, second]: readonly [string, string],
): Promise<void> {
  return page.evaluate(
    ([kind, one, other, count]) =>
      (globalThis as unknown as TestedWindow).tested.swap(kind, [one, other], count),
    [what, first, second, changes] as const,
  );
}

/**
 * Changes the rooms of the probes until this number of probes has received events. On a busy machine, most probes are removed before
 * the next event.
 */
async function swapProbes(page: Page, count: number): Promise<void> {
  for (let round = 0; round < maxRounds; round += 1) {
    await swapRooms(page, 'probes', rooms);
    const logs = await logsOf(page);
    if (logs.filter(({ numbers }) => numbers.length > 0).length >= count) return;
  }
}

function showScreens(page: Page, shown: readonly string[]): Promise<void> {
  return page.evaluate(
    (given) => (globalThis as unknown as TestedWindow).tested.show('screens', given),
    shown,
  );
}

/** Removes all components, and shows them again. */
async function remount(page: Page): Promise<void> {
  await page.evaluate(() => (globalThis as unknown as TestedWindow).tested.unmount());
  await page.evaluate(() => (globalThis as unknown as TestedWindow).tested.mount());
}

/** The content of a screen. The members are sorted. */
async function screenOf(page: Page, room: string) {
  const screen = page.locator(`article[aria-label=${room}]`);
  return {
    status: await screen.getAttribute('data-status'),
    numbers: await screen.locator('p').innerText(),
    members: (await screen.locator('li').allInnerTexts()).sort(),
  };
}

function logsOf(page: Page): Promise<TestedWindow['tested']['logs']> {
  return page.evaluate(() => (globalThis as unknown as TestedWindow).tested.logs);
}

/**
 * Publishes numbered messages to each room until it is stopped.
 *
 * @param commit called before a message is published, as a backend stores it first
 */
async function startTraffic(
  redisUrl: string,
  rooms: readonly string[],
  commit: (room: string, number: number) => void = () => {},
) {
  const publisher = await connectPublisher({ redisUrl });
  const stopped = new AbortController();
  let number = 0;
  const publishing = (async () => {
    while (!stopped.signal.aborted) {
      number += 1;
      for (const room of rooms) commit(room, number);
      const events = rooms.map((room) => chatMessage(room, `number ${number}`, { sequence_number: number }));
      await withoutTypes(publisher).publishEvents(events);
      // This pause sets the rate of the load.
      await pause(5);
    }
  })();
  return {
    /** Resolves when `count` more messages were published. */
    async next(count: number): Promise<void> {
      const end = number + count;
      await eventually(() => expect(number).toBeGreaterThanOrEqual(end));
    },
    /** Returns the last number. */
    async stop(): Promise<number> {
      stopped.abort();
      await publishing;
      return number;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      stopped.abort();
      await publishing;
      await publisher.close();
    },
  };
}

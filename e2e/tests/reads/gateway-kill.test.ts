// A gateway is killed while readers over HTTP read from it. With `Last-Event-ID` they continue at another gateway, or at the
// restarted one. No event is lost, repeated or out of order.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { eventsUrl, StreamReader } from '../../fixtures/clients/stream-reader.js';
import { chatMessages, idsOf, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { readPage, readPosition } from '../../fixtures/http/room-reads.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { startReverseProxy } from '../../fixtures/processes/reverse-proxy.js';
import { readSnippet } from '../../fixtures/readme.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** A reader: the IDs of the events that it has read, in order. */
interface Following {
  readonly name: string;
  ids(): Promise<readonly string[]> | readonly string[];
}

test('a reader over HTTP, alone or behind nginx, reads every event once and in order over the kill of a gateway', async () => {
  await using system = await startOnRedis({ gateways: 2 });
  const [first, second] = [system.gateway, system.gatewayAt(1)];
  const nginx = system.use(await startReverseProxy('nginx', [first.url, second.url]));
  const roomId = randomUUID();
  await using readers = new Resources();
  let present = first.url;
  const reader = readers.use(
    await StreamReader.follow(() => eventsUrl(present, roomId), { isReconnecting: true }),
  );
  const browser = readers.use(await TestBrowser.start());
  const [alone, proxied] = [
    await follow(browser, first.url, roomId),
    await follow(browser, nginx.url, roomId),
  ];
  const curl = readers.use(await Curl.start([first.url, second.url], roomId));
  const polls = readers.use(await Polls.start(() => present, roomId));
  const following: readonly Following[] = [
    { name: 'fetch', ids: () => reader.ids },
    { name: 'curl', ids: () => curl.ids },
    { name: 'polls', ids: () => polls.ids },
    { name: 'EventSource', ids: () => idsOnPage(alone) },
    { name: 'EventSource behind nginx', ids: () => idsOnPage(proxied) },
  ];
  const sent: SampleEvent[] = [];
  const publish = async (count: number): Promise<void> => {
    const events = chatMessages(roomId, count);
    sent.push(...events);
    for (const event of events) await system.publisher.publishEvents([event]);
  };
  const expectAll = async (who: readonly Following[]): Promise<void> => {
    for (const { name, ids } of who)
      await eventually(async () => expect([name, await ids()]).toEqual([name, idsOf(sent)]));
  };
  await publish(20);
  await expectAll(following);
  const { port } = new URL(first.url);
  await first.stop('SIGKILL');
  present = second.url;
  await publish(20);
  await expectAll(following.filter(({ name }) => name !== 'EventSource'));
  await system.startGateway({ MILLRACE_PORT: port });
  await publish(20);
  await expectAll(following);
  expect(reader.opened).toBe(2);
  // Chromium reports the broken connections.
  for (const complaint of browser.takeComplaints()) expect(complaint).toContain('net::ERR_');
});

/** Opens a page at the origin of `url`, which follows the room with the function of docs/protocol.md. */
async function follow(browser: TestBrowser, url: string, roomId: string): Promise<Page> {
  const page = await browser.page(url);
  // The gateway's own answers are not pages: their policy keeps a browser from connecting to anything.
  await page.route('**/page', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
  );
  await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  await page.goto(`${url}/page`);
  const after = await readPosition(url, roomId);
  await page.evaluate(`window.ids = [];
    ${await readSnippet('follow-with-event-source', 'docs/protocol.md')}
    follow('${roomId}', ['chat_message'], ({ event_id }) => window.ids.push(event_id), '${after}');`);
  return page;
}

function idsOnPage(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => (window as unknown as { ids: readonly string[] }).ids);
}

/** Runs the shell script of docs/protocol.md, which follows a room with curl. */
class Curl implements AsyncDisposable {
  readonly #process: CliProcess;
  readonly #folder: string;

  private constructor(process: CliProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
  }

  static async start(gateways: readonly string[], roomId: string): Promise<Curl> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-curl-'));
    const file = join(folder, 'follow.sh');
    await writeFile(file, await readSnippet('follow-with-curl', 'docs/protocol.md'));
    const process = new CliProcess({
      file: 'bash',
      args: [file, `/v1/rooms/${roomId}/events`, ...gateways],
      hasChildren: true,
    });
    await process.line(/^event: position$/);
    return new Curl(process, folder);
  }

  get ids(): readonly string[] {
    return this.#process.lines.flatMap((line) => /^data: \{"event_id":"([^"]+)"/.exec(line)?.[1] ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}

/** A reader that polls. After a failed poll, it repeats the poll from the same position. */
class Polls implements AsyncDisposable {
  readonly ids: string[] = [];
  #isClosed = false;

  static async start(url: () => string, roomId: string): Promise<Polls> {
    const polls = new Polls();
    void polls.#run(url, roomId, await readPosition(url(), roomId));
    return polls;
  }

  async #run(url: () => string, roomId: string, start: string): Promise<void> {
    let position = start;
    while (!this.#isClosed) {
      const page = await readPage(url(), roomId, `?after=${position}&wait=2`).catch(() => undefined);
      if (page === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      if (!page.recovered) throw new Error('the poll was not recovered');
      this.ids.push(...idsOf(page.events));
      position = page.next;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
  }
}

// The README's examples are the files in test/readme, and they run.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineCatalog, defineEventType, eventCatalog, Type } from '@millrace/contract';
import { createGateway } from '@millrace/gateway';
import { until } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { load } from './readme/load.js';
import { members } from './readme/members.js';
import { ownTypes } from './readme/own-types.js';
import { receive } from './readme/receive.js';
import { send } from './readme/send.js';
import { state } from './readme/state.js';
import { ada, RealGateway, reached, token } from './support/real-gateway.js';

/** Returns the marked part of an example, without its indentation. */
async function region(name: string): Promise<string> {
  const text = await readFile(new URL(`readme/${name}.ts`, import.meta.url), 'utf8');
  const [, part = ''] = text.split(/^.*#(?:end)?region\n/m);
  return part.replaceAll(/^ {2}/gm, '').trimEnd();
}

test.each(['receive', 'load', 'send', 'members', 'own-types', 'state'])(
  'the README contains the example %s unchanged',
  async (name) => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(await region(name));
  },
);

test('the guide contains the example load unchanged', async () => {
  const guide = await readFile(new URL('../../../docs/never-stale.md', import.meta.url), 'utf8');
  expect(guide).toContain(`<!-- snippet: load -->\n\`\`\`ts\n${await region('load')}\n\`\`\``);
});

/** Starts a gateway in development mode, which needs no tokens. */
async function startOpenGateway() {
  const orderPlaced = defineEventType({
    name: 'order_placed',
    payload: Type.Object({ id: Type.String(), items: Type.Integer() }),
    stream: 'events:ticket',
    lane: 'high',
    maxAgeMs: null,
    replay: { mode: 'all' },
  });
  const catalog = defineCatalog({
    streams: eventCatalog.streams,
    eventTypes: [...eventCatalog.eventTypes, orderPlaced],
  });
  const gateway = createGateway({ port: 0, isDevelopment: true, catalog });
  const { url } = await gateway.start();
  return { url, gateway, [Symbol.asyncDispose]: () => gateway.stop() };
}

test('the README’s example of receiving delivers events', async () => {
  await using open = await startOpenGateway();
  const { client, lines } = await receive(open.url);
  await open.gateway.publisher.publish('chat_message', 'ticket-42', {
    id: crypto.randomUUID(),
    request_id: crypto.randomUUID(),
    content: 'It works',
    sequence_number: 1,
    is_screenshot: false,
    created_at: new Date().toISOString(),
  });
  await until(() => lines.length > 0);
  expect(lines).toEqual(['system: It works']);
  await client.close();
});

test('the README’s example of loading shows the state and the events after it, and no event twice', async () => {
  await using open = await startOpenGateway();
  const backend = createServer((_, response) => {
    response.end(JSON.stringify({ state: [{ content: 'one' }], upTo: { sequence: 1 } }));
  }).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  const shown: string[] = [];
  const client = await load(open.url, `http://127.0.0.1:${port}`, (text) => shown.push(text));
  await until(() => shown.includes('live: one'));
  for (const [index, content] of ['one', 'two'].entries())
    await open.gateway.publisher.publish('chat_message', 'ticket-42', {
      id: crypto.randomUUID(),
      request_id: crypto.randomUUID(),
      content,
      sequence_number: index + 1,
      is_screenshot: false,
      created_at: new Date().toISOString(),
    });
  await until(() => shown.includes('live: one, two'));
  expect(shown).toEqual(['live: one', 'live: one, two']);
  await client.close();
  backend.close();
  backend.closeAllConnections();
});

test('the README’s example of sending reaches the gateway', async () => {
  await using real = await RealGateway.start();
  const close = await send(real.url, () => token(ada), [crypto.randomUUID()]);
  await close();
});

test('the README’s example of members shows who is there, with the state', async () => {
  await using open = await startOpenGateway();
  const shown: string[] = [];
  const close = members(open.url, (text) => shown.push(text));
  await until(() => shown.some((text) => text === '1 here: anonymous viewing'));
  await close();
});

test('the README’s example of own event types handles an event of its own type', async () => {
  await using open = await startOpenGateway();
  const orders: string[] = [];
  const close = await ownTypes(open.url, (id) => void orders.push(id));
  await open.gateway.publisher.publish('order_placed', 'shop', { id: 'o-1', items: 2 });
  await until(() => orders.length > 0);
  expect(orders).toEqual(['o-1']);
  await close();
});

test('the README’s example of states shows the states of a client', async () => {
  await using open = await startOpenGateway();
  const shown: string[] = [];
  const client = state(open.url, (text) => shown.push(text));
  const live = reached(client, 'live');
  void client.connect();
  await live;
  expect(shown).toEqual(['connecting', 'live']);
  await client.close();
});

// The README's examples are the files in test/readme, and they run.
import { readFile } from 'node:fs/promises';
import { defineCatalog, defineEventType, eventCatalog, Type } from '@millrace/contract';
import { createGateway } from '@millrace/gateway';
import { until } from '@millrace/testkit';
import { expect, test } from 'vitest';
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

test.each(['receive', 'send', 'own-types', 'state'])(
  'the README contains the example %s unchanged',
  async (name) => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(await region(name));
  },
);

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

test('the README’s example of sending reaches the gateway', async () => {
  await using real = await RealGateway.start();
  const close = await send(real.url, () => token(ada), [crypto.randomUUID()]);
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

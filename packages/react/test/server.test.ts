// Rendering on a server, and hydration of its HTML.
import { createClient } from '@millrace/client';
import { until } from '@millrace/testkit';
import { createElement as h, type ReactElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { useConnection, useEvents, useTyping } from '../src/index.js';
import { App, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { TestGateway } from './support/gateway.js';

/** Uses all hooks. */
function Everything({ log = [] }: { readonly log?: string[] }): ReactElement {
  const { state, userId } = useConnection();
  const { users } = useTyping('a');
  useEvents('a', 'chat_message', ({ payload }) => log.push(payload.content));
  return h('section', {}, `${state} ${userId} ${users.length} `, h(Status, { room: 'a' }));
}

test('a page that a server renders connects nothing, joins nothing and warns of nothing', () => {
  const createConnection = vi.fn();
  const warn = vi.spyOn(console, 'error');
  const client = createClient({ url: 'http://localhost:4400', createConnection });
  const html = renderToString(h(App, { client }, h(Everything)));
  expect(html).toContain('idle undefined 0');
  expect(html).toContain('joining');
  expect(renderToString(h(App, { client: null }, h(Everything)))).toBe(html);
  expect([createConnection.mock.calls, warn.mock.calls]).toEqual([[], []]);
  expect([client.state, client.room('a')]).toEqual(['idle', undefined]);
});

test('a page whose client is already live is hydrated without a mismatch, then shows the live state', async () => {
  await using gateway = await TestGateway.start();
  const client = gateway.client();
  await client.connect();
  await client.join('a').joined;
  const complain = vi.spyOn(console, 'error');
  const log: string[] = [];
  const app = h(App, { client }, h(Everything, { log }));
  const html = renderToString(app);
  using page = new TestPage(html);
  expect(page.text).toContain('idle');
  page.hydrate(app);
  await until(() => page.text.includes('live') && page.text.includes('a live'));
  const text = await gateway.say('a');
  await until(() => log.length > 0);
  expect(log).toEqual([text]);
  expect([page.recovered, complain.mock.calls]).toEqual([[], []]);
});

// The members of a room in components, and the state that this user shows to them.
import { createClient } from '@millrace/client';
import { fakeClock, until } from '@millrace/testkit';
import { createElement as h, type ReactElement } from 'react';
import { expect, test } from 'vitest';
import { usePresence } from '../src/index.js';
import { App, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { bob, TestGateway } from './support/gateway.js';
import { GatewayByHand } from './support/gateway-by-hand.js';

function Members({ room, state }: { readonly room: string; readonly state?: unknown }): ReactElement {
  const { list } = usePresence(room, state);
  return h('p', {}, list.map(({ username, state }) => `${username} ${JSON.stringify(state)}`).join());
}

test('a component shows the members of its room with their states, and its own state ends with it', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  using otherPage = new TestPage();
  const client = gateway.client();
  const other = gateway.client({ id: bob, rooms: ['*'] });
  otherPage.show(h(App, { client: other }, h(Members, { room: 'a' })));
  await until(() => otherPage.text === 'Bob null');
  const show = (...members: readonly unknown[]): void =>
    page.show(
      h(App, { client }, [
        h(Status, { key: 'status', room: 'a' }),
        ...members.map((state, key) => h(Members, { key, room: 'a', state })),
      ]),
    );
  show({ viewing: 'notes' });
  await until(() => otherPage.text === 'Bob null,Ada {"viewing":"notes"}');
  await until(() => page.text === 'a liveBob null,Ada {"viewing":"notes"}');
  show({ viewing: 'notes' }, 'writing');
  await until(() => otherPage.text === 'Bob null,Ada "writing"');
  show({ viewing: 'notes' });
  await until(() => otherPage.text === 'Bob null,Ada {"viewing":"notes"}');
  show();
  await until(() => otherPage.text === 'Bob null,Ada null');
  expect(page.text).toBe('a live');
});

test('a new state replaces the old one without a moment in between, and the component that was mounted last counts', async () => {
  using page = new TestPage();
  const gateway = new GatewayByHand();
  const clock = fakeClock();
  const client = createClient({
    url: 'http://gateway.test',
    createConnection: gateway.createConnection,
    clock,
  });
  const states = async (...ofComponents: readonly unknown[]): Promise<readonly string[]> => {
    gateway.calls.length = 0;
    const members = ofComponents.map((state, key) => h(Members, { key, room: 'a', state }));
    page.show(h(App, { client }, members));
    await clock.advance(1_000);
    return gateway.calls.filter((call) => call.startsWith('SetPresence'));
  };
  expect(await states('one')).toEqual(['SetPresence a "one"']);
  expect(await states('two')).toEqual(['SetPresence a "two"']);
  expect(await states('two', 'three')).toEqual(['SetPresence a "three"']);
  expect(await states('four', 'three')).toEqual([]);
  expect(await states('four', 'five')).toEqual(['SetPresence a "five"']);
  expect(await states('four')).toEqual(['SetPresence a "four"']);
  expect(await states(undefined)).toEqual(['SetPresence a null']);
  await client.close();
});

// The members of a room in components, and the state that this user shows to them.
import { until } from '@millrace/testkit';
import { createElement as h, type ReactElement } from 'react';
import { expect, test } from 'vitest';
import { usePresence } from '../src/index.js';
import { App, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { bob, TestGateway } from './support/gateway.js';

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

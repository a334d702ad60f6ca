// Components inside a Suspense boundary, before their first display and while the fallback hides them.
import { until } from '@millrace/testkit';
import { createElement as h, type ReactElement, Suspense, use, useState } from 'react';
import { flushSync } from 'react-dom';
import { expect, test } from 'vitest';
import { App, Log, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { TestGateway } from './support/gateway.js';

function deferred() {
  let resolve: (text: string) => void = () => {};
  const promise = new Promise<string>((resolvePromise) => {
    resolve = resolvePromise;
  });
  return { promise, resolve };
}

/** A component that waits for `data`, which `setData` changes. */
function createReader() {
  let setData: (data: Promise<string>) => void = () => {};
  const Reader = ({ first }: { readonly first: Promise<string> }): ReactElement => {
    const [data, set] = useState(first);
    setData = set;
    return h('p', {}, use(data));
  };
  return { Reader, setData: (data: Promise<string>) => flushSync(() => setData(data)) };
}

test('a room is joined once the boundary shows its components and stays joined while the fallback hides them', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const { Reader, setData } = createReader();
  const { promise: first, resolve: resolveFirst } = deferred();
  const log: string[] = [];
  page.show(
    h(App, { client }, [
      h(Status, { key: 'outside', room: 'outside' }),
      h(Suspense, { key: 'boundary', fallback: ' waits' }, [
        h(Log, { key: 1, room: 'a', log }),
        h(Status, { key: 2, room: 'a' }),
        h(Reader, { key: 3, first }),
      ]),
    ]),
  );
  await until(() => page.text === 'outside live waits');
  expect(client.calls).toEqual(['JoinRoom outside']);
  resolveFirst(' loaded');
  await until(() => page.text === 'outside livea live loaded');

  const { promise: second, resolve: resolveSecond } = deferred();
  setData(second);
  await until(() => page.text.endsWith(' waits'));
  const said = await gateway.say('a');
  await until(() => log.length > 0);
  resolveSecond(' loaded again');
  await until(() => page.text.endsWith('a live loaded again'));
  expect(log).toEqual([`a: ${said}`]);
  expect(client.calls).toEqual(['JoinRoom outside', 'JoinRoom a']);
});

/*
 * Hub code that throws values that are not errors and have no text, such as a revoked proxy.
 */
import { expect, test } from 'vitest';
import { defineHub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { call, openRaw } from '../support/raw-client.js';

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const values = {
  'a revoked proxy': revokedProxy(),
  'an object without a prototype': Object.create(null) as object,
};

test.each(Object.entries(values))(
  'a method that throws %s answers with an error, and the connection stays',
  async (_, value) => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            throws: () => {
              throw value;
            },
            // biome-ignore lint/suspicious/useAwait: the rejection is what is tested
            rejects: async () => {
              throw value;
            },
            echo: (_context, text) => text,
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('throws', [], '1') + call('rejects', [], '2') + call('echo', ['x'], '3'));
    expect(await client.next()).toContain("An unexpected error occurred invoking 'throws' on the server.");
    expect(await client.next()).toContain("An unexpected error occurred invoking 'rejects' on the server.");
    expect(await client.next()).toContain('"result":"x"');
  },
);

test.each(Object.entries(values))('an onConnected that throws %s closes the connection', async (_, value) => {
  await using host = await startHost((server) =>
    server.mapHub(
      '/hub',
      defineHub()({
        onConnected: () => {
          throw value;
        },
        methods: {},
      }),
    ),
  );
  await using client = await openRaw(host);
  expect(await client.next()).toContain('"type":7');
});

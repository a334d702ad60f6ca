/*
 * A hub for abusive clients, and a check that other clients are still served.
 */
import { expect } from 'vitest';
import {
  defineHub,
  isNumber,
  method,
  parseArguments,
  type SignalRServerOptions,
  streamMethod,
} from '../../src/index.js';
import { type Host, startHost } from './host.js';
import { call, openRaw } from './raw-client.js';

export interface Client {
  data(text: string): void;
}

/** The number of calls of `count` and `wait` that have not ended, over all tests together. */
export let counting = 0;

export const definition = defineHub<Client>()({
  methods: {
    echo: (_context, value) => value,
    count: method(
      parseArguments(),
      async (_context, items) => {
        counting += 1;
        try {
          for await (const _item of items);
        } finally {
          counting -= 1;
        }
      },
      { uploads: [isNumber] },
    ),
    wait: streamMethod(parseArguments(), async function* ({ cancelSignal }) {
      counting += 1;
      await new Promise((resolve) => {
        cancelSignal.addEventListener('abort', resolve, { once: true });
      });
      counting -= 1;
      yield 1;
    }),
  },
});

export function startAbused(options: SignalRServerOptions = {}): Promise<Host> {
  return startHost((server) => server.mapHub('/hub', definition), options);
}

export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export async function expectServed(host: Host): Promise<void> {
  await using client = await openRaw(host);
  client.send(call('echo', ['served']));
  expect(await client.next()).toContain('served');
}

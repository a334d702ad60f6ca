/*
 * A host with a hub for tests of the HTTP transports.
 */
import {
  defineHub,
  type HubContext,
  JsonText,
  type MapHubOptions,
  type SignalRServerOptions,
} from '../../src/index.js';
import { type Host, startHost } from './host.js';

type Context = HubContext<{ note(text: string): void }, undefined, Record<string, unknown>>;

export function startTransportHost(
  map: MapHubOptions<undefined> = {},
  options: SignalRServerOptions = {},
): Promise<Host> {
  const hub = defineHub<{ note(text: string): void; raw(value: unknown): void }>()({
    methods: {
      echo: (_context, value) => value,
      notes(context: Context, count) {
        for (let index = 0; index < Number(count); index += 1)
          context.clients.caller.send('note', String(index));
      },
      raw: (context) => context.clients.caller.send('raw', new JsonText('{\n"a":\r\n1}')),
      leave: (context) => context.abort(),
    },
  });
  return startHost((server) => server.mapHub('/hub', hub, map), options);
}

export const noCache = {
  'cache-control': 'no-cache, no-store',
  pragma: 'no-cache',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
};

export const stream = { Accept: 'text/event-stream' };

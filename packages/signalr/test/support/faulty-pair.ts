/*
 * Two servers with backplanes that fail on demand, and with clocks that the test advances.
 */
import { createMemoryBackplane } from '../../src/backplane.js';
import { type SignalREvent } from '../../src/index.js';
import { openMember, type RowMember, startServer } from './backplane-row.js';
import { FaultyBackplane } from './faulty-backplane.js';
import type { Host } from './host.js';

type Server = Awaited<ReturnType<typeof startServer<FaultyBackplane>>>;

export interface Pair extends AsyncDisposable {
  readonly one: Server;
  readonly other: Server;
  /** A client of the server `other`. */
  readonly client: RowMember;
  /** Lets both servers send this number of heartbeats. Waits until each heartbeat is delivered. */
  beat(count: number): Promise<void>;
  /** Publishes bytes on the hub's channel, or on another channel. */
  inject(bytes: Uint8Array, channel?: string): Promise<void>;
}

/** Resolves after all callbacks of this turn of the event loop have run. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Advances the clocks of the hosts by `count` seconds. Each second causes one heartbeat. */
export async function pass(count: number, ...hosts: readonly Host[]): Promise<void> {
  for (let beat = 0; beat < count; beat += 1) {
    for (const { clock } of hosts) clock.pass(1_000);
    await turn();
  }
}

/** Starts two servers, and waits until they know each other. */
export async function startPair(options: Parameters<typeof startServer>[1] = {}): Promise<Pair> {
  const inner = createMemoryBackplane();
  const one = await startServer(new FaultyBackplane(inner), options);
  const other = await startServer(new FaultyBackplane(inner), options);
  const client = await openMember(other);
  const beat = (count: number): Promise<void> => pass(count, one.host, other.host);
  await beat(3);
  return {
    one,
    other,
    client,
    beat,
    async inject(bytes, channel = '/hub') {
      await inner.publish(channel, bytes);
      await turn();
    },
    async [Symbol.asyncDispose]() {
      for (const { backplane } of [one, other]) {
        backplane.flow();
        backplane.publishError = undefined;
      }
      await client[Symbol.asyncDispose]();
      for (const { host } of [one, other]) await host[Symbol.asyncDispose]();
    },
  };
}

type BackplaneEvent = Extract<SignalREvent, { type: `backplane_${string}` }>;

/** Returns the backplane events of a server, without the first event, which is `backplane_up`. */
export const reported = ({ host }: Pick<Server, 'host'>): readonly BackplaneEvent[] =>
  host.events.filter((event): event is BackplaneEvent => event.type.startsWith('backplane')).slice(1);

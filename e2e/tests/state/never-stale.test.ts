// Screens that load their state from a backend equal the backend's database at rest, after every fault of Redis and gateways.
// The test uses real gateway processes, real Redis, `@millrace/client` and the recipe for plain clients.
import { setTimeout as pause } from 'node:timers/promises';
import { connectPublisher } from '@millrace/publisher';
import { startRoundRobinProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import {
  type LoadedNumbers,
  type Screen,
  startClientScreen,
  startRecipeScreen,
} from '../../fixtures/clients/screens.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { type TestPublisher, withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { GatewayRow } from '../../fixtures/systems/gateway-row.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'ticket-42';

test('a screen shows the state of the database after FLUSHALL, a gateway kill during the loads, and an outage', async () => {
  await using system = await startSystem();
  const { row, backend, screens } = system;
  await eventually(() => expect(statuses(screens)).toEqual(screens.map(() => 'live')));

  // Redis loses everything, and a gateway is killed while the screens load again.
  const writing = backend.write();
  await eventually(() => expect(screens.every(({ numbers }) => numbers.length > 5)).toBe(true));
  const before = screens.map(({ loads }) => loads);
  await row.redis.cli('FLUSHALL');
  await new Promise<void>((resolve) => {
    backend.onLoad = resolve;
  });
  await row.get('gateway-1').stop('SIGKILL');
  await eventually(() => {
    for (const [index, { loads, name }] of screens.entries())
      expect(loads, name).toBeGreaterThan(before[index] ?? 0);
  });
  writing.stop();
  await writing.ended;
  await eventually(() => expectEqual(system));

  // No gateway is left. The screens poll the backend. They later return to live without a gap or a repeat.
  await row.get('gateway-2').stop('SIGKILL');
  await eventually(() => expect(statuses(screens)).toEqual(screens.map(() => 'polling')));
  await backend.say();
  await eventually(() => {
    for (const { numbers } of screens) expect(numbers).toEqual(backend.numbers);
  });
  await backend.say();
  (await row.run('gateway-1')).mayLogErrors = true;
  await eventually(() => expectEqual(system));
  await backend.say();
  await eventually(() => expectEqual(system));
});

/** Expects every screen to be live and to show the database. */
function expectEqual({ screens, backend }: Awaited<ReturnType<typeof startSystem>>): void {
  for (const { name, numbers, status, repeated } of screens) {
    expect([name, status, repeated]).toEqual([name, 'live', []]);
    expect(numbers, name).toEqual(backend.numbers);
  }
}

const statuses = (screens: readonly Screen[]): readonly string[] => screens.map(({ status }) => status);

/** A backend with a database of messages. It commits each message before it publishes the event. */
class Backend {
  readonly numbers: number[] = [];
  /** Called when a load begins. */
  onLoad: () => void = () => {};
  readonly #publisher: TestPublisher;

  constructor(publisher: TestPublisher) {
    this.#publisher = publisher;
  }

  /** Loads the state. The database is read at a random moment of the request. */
  async load(): Promise<LoadedNumbers> {
    this.onLoad();
    await pause(Math.random() * 100);
    const state = [...this.numbers];
    await pause(Math.random() * 100);
    return { state, upTo: { sequence: state.length } };
  }

  async say(): Promise<void> {
    const number = this.numbers.push(this.numbers.length + 1);
    const event = chatMessage(roomId, `message ${number}`, { sequence_number: number });
    await this.#publisher.publishEvents([event]);
  }

  /** Writes messages until it is stopped. */
  write(): { stop(): void; readonly ended: Promise<void> } {
    const stopping = new AbortController();
    const run = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        await this.say();
        // This pause sets the rate of the load.
        await pause(10);
      }
    };
    return { stop: () => stopping.abort(), ended: run() };
  }
}

/** Starts two gateways behind a proxy, a backend, and screens of both kinds. */
async function startSystem() {
  return Resources.start(async (resources) => {
    const row = resources.use(await GatewayRow.start(2));
    for (const name of row.names) row.get(name).mayLogErrors = true;
    const publisher = await connectPublisher({ redisUrl: row.redis.url });
    resources.defer(() => publisher.close());
    const backend = new Backend(withoutTypes(publisher));
    /** The gateways that are not killed. Without any, the proxy reaches none. */
    const running = (): readonly string[] => {
      const names = row.names.filter((name) => !row.get(name).isEnding);
      return names.length > 0 ? names : row.names;
    };
    const proxy = resources.use(await startRoundRobinProxy(() => running().map((name) => row.get(name).url)));
    const screens = [
      ...Array.from({ length: 4 }, () => startClientScreen(proxy.url, roomId, () => backend.load())),
      ...(await Promise.all(
        Array.from({ length: 2 }, () => startRecipeScreen(proxy.url, roomId, () => backend.load())),
      )),
    ];
    for (const screen of screens) resources.defer(() => screen.close());
    return { row, backend, screens, [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose]() };
  });
}

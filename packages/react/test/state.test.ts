// The state of a room in components: loaded once, kept current by events, and equal to the database at rest.
import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises';
import type { DeliveredEvent, LoadContext } from '@millrace/client';
import { until } from '@millrace/testkit';
import { createElement as h, type ReactElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { type RoomState, useRoomState } from '../src/index.js';
import { App } from './support/components.js';
import { TestPage } from './support/dom.js';
import { ada, bob, TestGateway } from './support/gateway.js';

type Lines = readonly string[];

/** A backend whose database is a list of strings per room. */
class Backend {
  readonly #gateway: TestGateway;
  readonly #database = new Map<string, string[]>();
  /** The rooms that were loaded, in order. */
  readonly loads: string[] = [];
  /** Holds back the answers while it is set. */
  answersAfter: Promise<void> | undefined;

  constructor(gateway: TestGateway) {
    this.#gateway = gateway;
  }

  lines(room: string): Lines {
    return [...(this.#database.get(room) ?? [])];
  }

  /** Stores a message and publishes it. */
  async say(room: string): Promise<void> {
    const text = await this.#gateway.say(room);
    this.#database.set(room, [...this.lines(room), text]);
  }

  readonly load = async ({ roomId }: LoadContext) => {
    this.loads.push(roomId);
    const state = this.lines(roomId);
    await this.answersAfter;
    const last = state.at(-1);
    return { state, upTo: { sequence: last === undefined ? 0 : Number(last.split(' ')[1]) } };
  };
}

function withEvent(lines: Lines, event: DeliveredEvent): Lines {
  return event.event_type === 'chat_message' ? [...lines, event.payload.content] : lines;
}

interface ShownProps {
  readonly room: string | null;
  readonly backend: Backend;
  readonly shared?: string;
  readonly log?: RoomState<Lines>[];
}

/** Shows the number of a room's messages, and gives what the hook returns to `log`. */
function Shown({ room, backend, shared, log }: ShownProps): ReactElement {
  const result = useRoomState(room, (context) => backend.load(context), {
    // Another function in each rendering, as in most components.
    reduce: (lines: Lines, event) => withEvent(lines, event),
    ...(shared === undefined ? {} : { key: shared }),
  });
  log?.push(result);
  return h('p', {}, `${result.status} ${result.state?.length ?? 'none'} `);
}

test('components with the same key load a room once in StrictMode, and show each event once', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const backend = new Backend(gateway);
  await backend.say('a');
  const log: RoomState<Lines>[] = [];
  const show = (): void =>
    page.show(
      h(App, { client }, [
        h(Shown, { key: 1, room: 'a', backend, shared: 'messages', log }),
        h(Shown, { key: 2, room: 'a', backend, shared: 'messages' }),
      ]),
    );
  show();
  await until(() => page.text === 'live 1 live 1 ');
  await backend.say('a');
  await until(() => page.text === 'live 2 live 2 ');
  const before = log.at(-1);
  show();
  expect(log.at(-1)).toBe(before);
  expect(before?.state).toEqual(backend.lines('a'));
  expect(backend.loads).toEqual(['a']);
  expect(client.calls).toEqual(['JoinRoom a']);
});

test('components without a key have a state of their own, and reload loads only that state', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const backend = new Backend(gateway);
  const log: RoomState<Lines>[] = [];
  page.show(
    h(App, { client }, [
      h(Shown, { key: 1, room: 'a', backend, log }),
      h(Shown, { key: 2, room: 'a', backend }),
    ]),
  );
  await until(() => page.text === 'live 0 live 0 ');
  expect(backend.loads).toHaveLength(2);
  log.at(-1)?.reload();
  await until(() => backend.loads.length === 3 && page.text === 'live 0 live 0 ');
  expect(new Set(log.map(({ reload }) => reload)).size).toBe(1);
});

test('an event that arrives while the room is loaded is in the state once', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const backend = new Backend(gateway);
  let resolve = (): void => {};
  backend.answersAfter = new Promise((resolvePromise) => {
    resolve = resolvePromise;
  });
  await backend.say('a');
  const log: RoomState<Lines>[] = [];
  page.show(h(App, { client }, h(Shown, { room: 'a', backend, log })));
  await until(() => backend.loads.length === 1);
  await backend.say('a');
  expect(page.text).toBe('loading none ');
  resolve();
  await until(() => page.text === 'live 2 ');
  expect(log.at(-1)?.state).toEqual(backend.lines('a'));
});

test('the state of each room equals its database after a hundred changes of rooms, while messages arrive', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const backend = new Backend(gateway);
  const log: RoomState<Lines>[] = [];
  const show = (room: string): void =>
    page.show(h(App, { client, graceMs: 0 }, h(Shown, { room, backend, log })));
  for (let change = 0; change < 100; change += 1) {
    show(`room-${change % 3}`);
    if (change % 4 === 1) await backend.say(`room-${(change + 1) % 3}`);
    if (change % 4 === 2) await backend.say(`room-${change % 3}`);
    if (change % 4 === 3) await turnOfTheEventLoop();
  }
  for (const room of ['room-0', 'room-1', 'room-2']) {
    show(room);
    await until(() => page.text === `live ${backend.lines(room).length} `);
    expect(log.at(-1)?.state).toEqual(backend.lines(room));
  }
});

test('a component that is mounted again within the grace shows the current state at once, and does not load', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const backend = new Backend(gateway);
  const show = (isShown: boolean): void =>
    page.show(
      h(
        App,
        { client, graceMs: 60_000 },
        isShown ? h(Shown, { room: 'a', backend, shared: 'messages' }) : null,
      ),
    );
  show(true);
  await until(() => page.text === 'live 0 ');
  show(false);
  await backend.say('a');
  await until(() => client.counts.delivered === 1);
  show(true);
  expect(page.text).toBe('live 1 ');
  expect(backend.loads).toEqual(['a']);
});

test('a room without access closes its state with the error, and no room is idle', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const user = { id: ada, rooms: ['a'] };
  const client = gateway.client(user);
  const backend = new Backend(gateway);
  const log: RoomState<Lines>[] = [];
  page.show(
    h(App, { client }, [
      h(Shown, { key: 1, room: null, backend }),
      h(Shown, { key: 2, room: 'b', backend, log }),
    ]),
  );
  await until(() => page.text === 'idle none closed none ');
  expect(log.at(-1)?.error?.code).toBe('refused');
  user.rooms = ['a', 'b'];
  await gateway.restart();
  await until(() => page.text === 'idle none live 0 ');
});

test('a state from the server is in its HTML and in the first rendering, and is loaded in the browser', async () => {
  await using gateway = await TestGateway.start();
  const client = gateway.client();
  const backend = new Backend(gateway);
  await backend.say('a');
  const complain = vi.spyOn(console, 'error');
  const Page = ({ lines }: { readonly lines: Lines }): ReactElement => {
    const { state = [], status } = useRoomState('a', backend.load, {
      reduce: withEvent,
      initial: { state: lines },
    });
    return h('p', {}, `${status} ${state.length}`);
  };
  const app = h(App, { client }, h(Page, { lines: backend.lines('a') }));
  const html = renderToString(app);
  expect(html).toContain('loading 1');
  expect(backend.loads).toEqual([]);
  using page = new TestPage(html);
  page.hydrate(app);
  await until(() => page.text === 'live 1');
  await backend.say('a');
  await until(() => page.text === 'live 2');
  expect([page.recovered, complain.mock.calls, backend.loads]).toEqual([[], [], ['a']]);
});

test('a state from the server with its position is not loaded in the browser, and the events after it follow', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const server = gateway.client({ id: bob, rooms: ['*'] });
  await server.connect();
  const room = server.join('a');
  await room.joined;
  const backend = new Backend(gateway);
  await backend.say('a');
  await until(() => server.counts.delivered === 1);
  const initial = { state: backend.lines('a'), position: room.position };
  await backend.say('a');
  const Page = (): ReactElement => {
    const { state = [], status } = useRoomState('a', backend.load, { reduce: withEvent, initial });
    return h('p', {}, `${status} ${state.length}`);
  };
  page.show(h(App, { client: gateway.client() }, h(Page)));
  expect(page.text).toBe('loading 1');
  await until(() => page.text === 'live 2');
  expect(backend.loads).toEqual([]);
});

// The recipe examples/load.js: rooms that are opened while the gateway is unavailable, and the names of rooms that have several IDs.
import { LogLevel } from '@microsoft/signalr';
import { freePort } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { apiKey, jwtSecret, signToken } from '../../fixtures/http/tokens.js';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** The options of the recipe that the tests use. */
interface RecipeOptions {
  readonly url: string;
  readonly types: readonly string[];
  readonly load: (room: string) => Promise<unknown>;
  readonly show: (room: string, state: unknown, how: { readonly isAway: boolean }) => void;
  readonly apply: (room: string, event: { readonly payload: { readonly content: string } }) => void;
  readonly awayMs: number;
  readonly pollMs: number;
  readonly retryMs: number;
  readonly jitterMs: number;
  readonly http: object;
}

/** The result of the recipe. */
interface Recipe {
  join(room: string): Promise<void>;
  stop(): void;
}

/** Starts the recipe. Logs its calls, such as `load a`, `show a, polled` and `apply a: text`. */
async function startRecipe(port: number, http: object = {}) {
  const { loadRooms } = (await import(`${repositoryPath}examples/load.js`)) as {
    readonly loadRooms: (options: RecipeOptions) => Recipe;
  };
  const log: string[] = [];
  const recipe = loadRooms({
    url: `http://127.0.0.1:${port}/hubs/events?resume=1`,
    types: ['chat_message'],
    load: async (room) => log.push(`load ${room}`),
    show: (room, _, { isAway }) => log.push(`show ${room}${isAway ? ', polled' : ''}`),
    apply: (room, { payload }) => log.push(`apply ${room}: ${payload.content}`),
    awayMs: 50,
    pollMs: 50,
    retryMs: 20,
    jitterMs: 20,
    http: { logger: LogLevel.None, ...http },
  });
  return { ...recipe, log, [Symbol.dispose]: () => recipe.stop() };
}

test('a room that is opened while the gateway is unavailable is polled, too, and live when the gateway is there', async () => {
  const port = await freePort();
  using recipe = await startRecipe(port);
  void recipe.join('a');
  await eventually(() => expect(recipe.log).toContain('show a, polled'));
  const joined = recipe.join('b');
  await eventually(() => expect(recipe.log).toContain('show b, polled'));
  await using system = await EmbeddedGateway.start({ port });
  await joined;
  await eventually(() => expect(recipe.log).toContain('show b'));
  await system.publisher.publishEvents([chatMessage('b', 'hello')]);
  await eventually(() => expect(recipe.log.at(-1)).toBe('apply b: hello'));
});

test('a room is loaded again when one of its events was erased', async () => {
  await using system = await EmbeddedGateway.start();
  using recipe = await startRecipe(Number(new URL(system.url).port));
  await recipe.join('a');
  await eventually(() => expect(recipe.log).toEqual(['load a', 'show a']));
  const event = chatMessage('a', 'a password');
  await system.publisher.publishEvents([event]);
  await eventually(() => expect(recipe.log.at(-1)).toBe('apply a: a password'));
  await eraseOverHttp(system.url, `/v1/events/${event.event_id}`);
  await eventually(() => expect(recipe.log.slice(3)).toEqual(['load a', 'show a']));
});

test('the personal room and the room of everybody keep the names with which they were joined', async () => {
  await using system = await EmbeddedGateway.start({ jwtSecret, apiKeys: [apiKey] });
  using recipe = await startRecipe(Number(new URL(system.url).port), {
    accessTokenFactory: () => signToken({ sub: 'ana', name: 'Ana', rooms: [] }),
  });
  await Promise.all(['user:me', '*'].map((room) => recipe.join(room)));
  await eventually(() => expect(recipe.log).toContain('show user:me'));
  await eventually(() => expect(recipe.log).toContain('show *'));
  await system.publisher.publishEvents([chatMessage('user:ana', 'for you'), chatMessage('*', 'for all')]);
  await eventually(() => expect(recipe.log).toContain('apply *: for all'));
  expect(recipe.log).toContain('apply user:me: for you');
});

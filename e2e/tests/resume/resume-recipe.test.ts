// The README's recipe for plain clients misses no event and handles no event twice. It tells the application to reload a room
// only when that is necessary.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { HttpTransportType } from '@microsoft/signalr';
import { type GatewayOptions } from '@millrace/gateway';
import { freePort, startHttpProxy, startRedis, startTcpProxy } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { type RecipeOptions, startRecipe } from '../../fixtures/clients/resume-recipe.js';
import { chatMessage, notification } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { apiKey, jwtSecret, signToken } from '../../fixtures/http/tokens.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { atAddresses, readSnippet } from '../../fixtures/readme.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'ticket-42';
const drops = 25;
const eventsPerSecond = 200;

test.each([
  ['resume', 'resume.js'],
  ['use-resume', 'use-resume.js'],
])('the README’s snippet %s is the same as examples/%s', async (snippet, file) => {
  expect(`${await readSnippet(snippet)}\n`).toBe(await readFile(`${repositoryPath}examples/${file}`, 'utf8'));
});

test.each(everyBroker)(
  `every message is handled once and in order across ${drops} dropped sockets (%s)`,
  async (_, start) => {
    await using system = await start();
    await using proxy = await startTcpProxy(Number(new URL(system.url).port));
    await using program = await startProgram(`http://127.0.0.1:${proxy.port}`);
    await program.process.line(/^joined$/);
    const sent: string[] = [];
    for (let dropped = 0; dropped < drops; ) {
      for (let index = 0; index < eventsPerSecond / 5; index += 1) {
        sent.push(`message ${sent.length}`);
        await system.publisher.publishEvents([
          chatMessage(roomId, sent.at(-1) ?? ''),
          ...(index % 10 === 0 ? [notification(roomId, 'beside')] : []),
        ]);
        // This pause sets the rate of the load.
        await new Promise((resolve) => setTimeout(resolve, 1_000 / eventsPerSecond));
      }
      if (proxy.connectionCount === 0) continue;
      proxy.cut();
      dropped += 1;
    }
    sent.push('the last message');
    await system.publisher.publishEvents([chatMessage(roomId, 'the last message')]);
    await program.process.line(/^the last message$/);
    const handled = program.process.output
      .split('\n')
      .filter((line) => /^(message \d+|the last message)$/.test(line));
    expect(handled).toEqual(sent);
    // The first join has no position, so the client loads the room once. Later joins must not load it again.
    expect(program.process.output.match(/^load ticket-42/gm)).toHaveLength(1);
  },
);

test('a room that is refused after a reconnect is reported, and resumes with a valid token', async () => {
  await using system = await startGateway({ jwtSecret, apiKeys: [apiKey] });
  await using wire = await startTcpProxy(system.port);
  let rooms = ['a', 'b'];
  const sub = randomUUID();
  await using client = await startClient(wire.port, {
    http: { accessTokenFactory: () => signToken({ sub, name: 'Ana', rooms }) },
  });
  await Promise.all([client.recipe.join('a'), client.recipe.join('b')]);
  expect(client.reloads.sort()).toEqual(['a', 'b']);
  rooms = ['b'];
  wire.cut();
  await eventually(() => expect(client.refusals).toEqual(['a']));
  await system.say('b', 5);
  await eventually(() => expect(client.handled('b')).toHaveLength(5));
  await system.say('a', 2);
  rooms = ['a', 'b'];
  wire.cut();
  await eventually(() => expect(client.handled('a')).toEqual(['a 1', 'a 2']));
  expect(client.reloads.sort()).toEqual(['a', 'b']);
});

describe.each([
  ['long polling', HttpTransportType.LongPolling],
  ['server-sent events', HttpTransportType.ServerSentEvents],
])('over %s', (_, transport) => {
  test.each(['status', 'cut', 'lose_answer'] as const)(
    'no event is lost if the POST of a JoinRoom fails (%s) while the connection stays open',
    async (fate) => {
      await using system = await startGateway();
      await using wire = await startHttpProxy(() => system.port);
      await using client = await startClient(wire.port, { http: { transport } });
      await client.recipe.join('a');
      let failed = 0;
      wire.decide((request, body) => {
        if (request.method !== 'POST' || !body.includes('JoinRoom')) return 'pass';
        failed += 1;
        return failed > 2 ? 'pass' : fate === 'status' ? { status: 502 } : fate;
      });
      // The client also joins a room while it is connected.
      const isIn = client.recipe.join('b');
      await isIn;
      expect(failed).toBeGreaterThan(fate === 'lose_answer' ? 0 : 2);
      await system.say('a', 3);
      await system.say('b', 3);
      await eventually(() => {
        expect(client.handled('a')).toEqual(['a 1', 'a 2', 'a 3']);
        expect(client.handled('b')).toEqual(['b 1', 'b 2', 'b 3']);
      });
      expect(client.reloads.sort()).toEqual(['a', 'b']);
    },
  );
});

test('the recipe can start before the gateway, survives restarts, and reloads a room once per loss', async () => {
  const port = await freePort();
  await using client = await startClient(port);
  void client.recipe.join('user:me');
  const isIn = client.recipe.join('a');
  await using redis = await startRedis();
  {
    await using first = await startGateway({ redisUrl: redis.url, port });
    await isIn;
    await first.say('a', 3);
    await eventually(() => expect(client.handled('a')).toHaveLength(3));
  }
  await redis.cli('FLUSHALL');
  await redis.stop();
  await redis.restart();
  await using second = await startGateway({ redisUrl: redis.url, port });
  await eventually(() => expect(client.reloads.sort()).toEqual(['a', 'a', 'user:me', 'user:me']));
  await second.say('a', 3);
  await eventually(() => expect(client.handled('a')).toHaveLength(6));
  expect(client.reloads).toHaveLength(4);
});

test('requests that fail with 503 are retried, and the recipe then resumes from its position', async () => {
  await using system = await startGateway();
  await using wire = await startHttpProxy(() => system.port);
  await using client = await startClient(wire.port, { http: { transport: HttpTransportType.LongPolling } });
  await client.recipe.join('a');
  let refused = 0;
  wire.decide((request) => {
    if (refused > 3) return 'pass';
    refused += request.url?.includes('negotiate') === true ? 1 : 0;
    return { status: 503 };
  });
  await system.say('a', 3);
  await eventually(() => expect(client.handled('a')).toHaveLength(3));
  expect(client.reloads).toEqual(['a']);
});

test('a client that left a room handles none of its events, and reloads it after a new join', async () => {
  await using system = await startGateway();
  await using client = await startClient(system.port);
  await Promise.all([client.recipe.join('a'), client.recipe.join('b')]);
  await system.say('a', 1);
  await eventually(() => expect(client.handled('a')).toHaveLength(1));
  client.recipe.leave('a');
  await system.say('a', 1);
  await system.say('b', 1);
  await eventually(() => expect(client.handled('b')).toHaveLength(1));
  expect(client.handled('a')).toHaveLength(1);
  await client.recipe.join('a');
  expect(client.reloads.filter((id) => id === 'a')).toHaveLength(2);
});

test('an erasure reaches its handler although the event was handled, and a removal is told at once', async () => {
  await using gateway = await EmbeddedGateway.start();
  const erased: string[] = [];
  await using client = await startClient(Number(new URL(gateway.url).port), {
    url: `${gateway.url}/hubs/events?resume=1&user=ana`,
    handlers: { chat_message: () => {}, event_erased: ({ event_id }) => erased.push(event_id) },
  });
  await client.recipe.join('a');
  const event = chatMessage('a', 'a password');
  await gateway.publisher.publishEvents([event]);
  await eraseOverHttp(gateway.url, `/v1/events/${event.event_id}`);
  await eventually(() => expect(erased).toEqual([event.event_id]));
  await gateway.gateway.publisher.removeMember('a', 'ana');
  await eventually(() => expect(client.refusals).toEqual(['a']));
});

/** Runs the README's two files in a program that prints one line for each handled message. */
async function startProgram(url: string): Promise<AsyncDisposable & { readonly process: CliProcess }> {
  const path = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(path, { recursive: true });
  // The delay before a reconnect is short, so that the client soon has an open socket again.
  const recipe = (await readSnippet('resume')).replace('retryMs = 1_000', 'retryMs = 50');
  await writeFile(`${path}/resume.js`, recipe);
  await writeFile(`${path}/package.json`, '{ "type": "module" }');
  const use = atAddresses(await readSnippet('use-resume'), { gateway: url });
  await writeFile(`${path}/use-resume.js`, `${use}\nconsole.log('joined');\n`);
  const process_ = new CliProcess({ file: process.execPath, args: [`${path}/use-resume.js`] });
  return {
    process: process_,
    async [Symbol.asyncDispose]() {
      await process_[Symbol.asyncDispose]();
      await rm(path, { recursive: true });
    },
  };
}

/** Runs the recipe in the process of the test, and records its calls. */
async function startClient(port: number, options: Partial<RecipeOptions> = {}) {
  const events: string[] = [];
  const reloads: string[] = [];
  const refusals: string[] = [];
  const recipe = await startRecipe({
    url: `http://127.0.0.1:${port}/hubs/events?resume=1`,
    handlers: {
      chat_message: ({ room_id, payload }) => events.push(`${room_id} ${String(payload['content'])}`),
    },
    reload: (id) => reloads.push(id),
    refused: (id) => refusals.push(id),
    retryMs: 50,
    ...options,
  });
  return {
    recipe,
    reloads,
    refusals,
    handled: (id: string) => events.filter((event) => event.startsWith(`${id} `)),
    async [Symbol.asyncDispose]() {
      recipe.stop();
    },
  };
}

/** Starts a gateway in the process of the test. */
async function startGateway(options: GatewayOptions = {}) {
  const gateway = await EmbeddedGateway.start(options);
  const counts = new Map<string, number>();
  return {
    port: Number(new URL(gateway.url).port),
    /** Publishes the next `count` chat messages of a room. Their texts are `1`, `2`, …. */
    async say(id: string, count: number): Promise<void> {
      for (let n = 0; n < count; n += 1) {
        const number = (counts.get(id) ?? 0) + 1;
        counts.set(id, number);
        await gateway.publisher.publishEvents([chatMessage(id, String(number))]);
      }
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

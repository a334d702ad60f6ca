/* A row of three servers, each on its own port. They send messages to one another through a backplane in memory or on Redis. */
import { randomUUID } from 'node:crypto';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { expect } from 'vitest';
import { createMemoryBackplane, type HubBackplane } from '../../src/backplane.js';
import { systemServerClock } from '../../src/connection/clock.js';
import {
  defineHub,
  type Hub,
  isString,
  type MapHubOptions,
  method,
  parseArguments,
  type SignalRServerOptions,
} from '../../src/index.js';
import { createRedisBackplane } from '../../src/redis.js';
import { type Host, startHost } from './host.js';
import { openClient, type ProtocolClient, type ProtocolName } from './protocol-client.js';

export interface RowClient {
  note(value: unknown): void;
  ask(question: unknown): unknown;
}

const text = parseArguments(isString);
const twoTexts = parseArguments(isString, isString);

/** The hub that every server of a row has. */
const rowHub = defineHub<RowClient, undefined>()({
  onDisconnected({ clients, userId }) {
    clients.group('watchers').send('note', `${userId} left`);
  },
  methods: {
    id: (context) => context.connectionId,
    join: method(text, (context, group) => context.groups.add(group)),
    others: method(text, (context, value) => context.clients.others.send('note', value)),
    othersInGroup: method(twoTexts, (context, group, value) =>
      context.clients.othersInGroup(group).send('note', value),
    ),
    caller: method(text, (context, value) => context.clients.caller.send('note', value)),
    ask: method(twoTexts, (context, id, question) => context.clients.client(id).invoke('ask', question)),
  },
});

/** Creates a backplane for each server. The backplanes of one source are connected with each other. */
export interface BackplaneSource extends AsyncDisposable {
  create(): Promise<HubBackplane>;
}

async function inMemory(): Promise<BackplaneSource> {
  const backplane = createMemoryBackplane();
  return { create: async () => backplane, async [Symbol.asyncDispose]() {} };
}

/** Gives each server two separate connections to one Redis. */
async function onRedis(): Promise<BackplaneSource & { readonly redis: RedisServer }> {
  const redis = await startRedis();
  const closers: (() => void)[] = [];
  return {
    redis,
    async create() {
      const [client, subscriber] = await Promise.all([connect(redis.port), connect(redis.port)]);
      closers.push(
        () => client.destroy(),
        () => subscriber.destroy(),
      );
      // A busy machine can need longer than the default for a thousand commands at once.
      return createRedisBackplane({ client, subscriber, commandTimeoutMs: 60_000 });
    },
    async [Symbol.asyncDispose]() {
      for (const close of closers) close();
      await redis[Symbol.asyncDispose]();
    },
  };
}

/** The kinds of backplanes on which the backplane tests run. */
export const BACKPLANES = [
  ['in memory', inMemory],
  ['on Redis', onRedis],
] as const satisfies readonly (readonly [string, () => Promise<BackplaneSource>])[];

/** Connects a Redis client that reconnects soon, and that refuses commands while it is disconnected. */
async function connect(port: number) {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: 20 },
  });
  return client.on('error', () => {}).connect();
}

/** A backplane that can be cut off, as if its server's process had ended. */
export interface MortalBackplane extends HubBackplane {
  /** Cuts off the backplane. It then delivers and publishes nothing. */
  die(): void;
  /** The messages that were published to all instances, except heartbeats. */
  readonly broadcasts: readonly Uint8Array[];
}

function mortal(backplane: HubBackplane): MortalBackplane {
  let isDead = false;
  const broadcasts: Uint8Array[] = [];
  return {
    broadcasts,
    die() {
      isDead = true;
    },
    subscribe: (channel, onMessage) =>
      backplane.subscribe(channel, (message) => {
        if (!isDead) onMessage(message);
      }),
    async publish(channel, message) {
      if (isDead) throw new Error('dead');
      // Kind 1 is an announcement, and kind 2 is a leave message.
      if (!channel.includes('#') && (message[2] ?? 0) > 2) broadcasts.push(message);
      await backplane.publish(channel, message);
    },
  };
}

export interface RowServer {
  readonly host: Host;
  readonly hub: Hub<RowClient>;
  readonly backplane: MortalBackplane;
}

export interface BackplaneRow extends AsyncDisposable {
  readonly servers: readonly [RowServer, RowServer, RowServer];
  readonly source: BackplaneSource;
}

/**
 * The heartbeats are frequent, so that tests need not wait long. The interval is still ten times as long as a reply of Redis
 * takes.
 */
export const ROW_OPTIONS: SignalRServerOptions = {
  clock: systemServerClock,
  tickIntervalMs: 50,
  backplaneHeartbeatIntervalMs: 200,
};

/** Starts three servers, and waits until each of them receives its own messages. */
export async function startRow(
  createSource: () => Promise<BackplaneSource>,
  options: SignalRServerOptions = {},
  map: Omit<MapHubOptions<undefined>, 'authenticate'> = {},
): Promise<BackplaneRow> {
  const source = await createSource();
  const start = async (): Promise<RowServer> =>
    startServer(mortal(await source.create()), { ...ROW_OPTIONS, ...options }, map);
  const servers = [await start(), await start(), await start()] as const;
  for (const { hub } of servers) await expect.poll(() => hub.backplaneState).toBe('up');
  return {
    servers,
    source,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(({ host }) => host[Symbol.asyncDispose]()));
      await source[Symbol.asyncDispose]();
    },
  };
}

/** Starts a server. A client's token is its user id. The clock does not advance unless the options contain another one. */
export async function startServer<Backplane extends HubBackplane>(
  backplane: Backplane,
  options: SignalRServerOptions = {},
  map: Omit<MapHubOptions<undefined>, 'authenticate'> = {},
): Promise<{ readonly host: Host; readonly hub: Hub<RowClient>; readonly backplane: Backplane }> {
  let hub: Hub<RowClient> | undefined;
  const host = await startHost(
    (server) => {
      hub = server.mapHub('/hub', rowHub, {
        ...map,
        authenticate: ({ token }) => ({ userId: token, user: undefined }),
      });
    },
    { ...options, backplane },
  );
  if (hub === undefined) throw new Error('The hub was not mapped.');
  return { host, hub, backplane };
}

/** A client of one server of the row, with its connection id. */
export interface RowMember extends ProtocolClient {
  readonly id: string;
}

/** Opens a client of a user on one server. */
export async function openMember(
  { host }: Pick<RowServer, 'host'>,
  userId = 'ann',
  protocol: ProtocolName = 'json',
): Promise<RowMember> {
  const client = await openClient(host, protocol, `/hub?access_token=${userId}`);
  return Object.assign(client, { id: String(await client.invoke('id')) });
}

/**
 * Sends a message from each server. Resolves when each client has received all of these messages, and therefore all earlier
 * ones.
 */
export async function settle(row: BackplaneRow, clients: readonly ProtocolClient[]): Promise<void> {
  const ends = row.servers.map((_, index) => `end of ${index} ${randomUUID()}`);
  for (const [index, { hub }] of row.servers.entries()) hub.clients.all.send('note', ends[index]);
  for (const client of clients) await expect.poll(() => client.notes).toEqual(expect.arrayContaining(ends));
}

/** Returns the notes that a client received, without the notes of `settle`. */
export function notesOf({ notes }: ProtocolClient): readonly unknown[] {
  return notes.filter((note) => !String(note).startsWith('end of '));
}

/**
 * Returns the error of a promise, or undefined if it resolves. Handles the promise at once, so that its rejection is never
 * reported as unhandled.
 */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

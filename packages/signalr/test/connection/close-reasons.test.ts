/* Every close reason and every close code over a real socket, and a comparison of docs/errors.md with their rules. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  CLOSE_CODES,
  CLOSE_RULES,
  type CloseReason,
  type CloseRule,
  defineHub,
  type Hub,
} from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, type RawClient, RS } from '../support/raw-client.js';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');

interface Client {
  data(text: string): void;
}

/**
 * A host with a hub and a client, in which a test causes a close reason. `startStage` appends every error that
 * `onDisconnected` receives to the array `told`.
 */
interface Stage {
  readonly host: Host;
  readonly hub: Hub<Client>;
  readonly client: RawClient;
}

async function startStage(told: unknown[]): Promise<Stage & AsyncDisposable> {
  let hub: Hub<Client> | undefined;
  const host = await startHost(
    (server) => {
      const definition = defineHub<Client, string>()({
        onConnected({ user }) {
          if (user === 'refused') throw new Error('not today');
        },
        onDisconnected: (_context, error) => void told.push(error),
        methods: { echo: (_context, value) => value, leave: (context) => context.abort() },
      });
      hub = server.mapHub('/hub', definition, {
        closeOnAuthenticationExpiration: true,
        clientLimits: { messageBurst: 100 },
        authenticate: ({ token }) => ({
          userId: null,
          user: token ?? '',
          ...(token === 'expiring' ? { expiresAtMs: Date.UTC(2026, 0, 1) + 5_000 } : {}),
        }),
      });
    },
    {
      maximumReceiveMessageBytes: 1_000,
      maximumTransportMessageBytes: 5_000,
      maximumOutboundBytes: 100_000_000,
      maximumOutboundMessages: 1_000,
    },
  );
  if (hub === undefined) throw new Error('unreachable: it was mapped above');
  const client = await openRaw(host);
  return {
    host,
    hub,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

/** A message that is larger than the kernel's buffers. It waits in the server while the client does not read. */
const HUGE = 'x'.repeat(20_000_000);

/** The reasons for which a connection of a hub ends. */
type HubReason = Exclude<CloseReason, 'handler_failed'>;

/**
 * Functions that end a connection, one for each close reason. Each returns the client of the ended connection. Undefined
 * stands for the client of the stage.
 */
const ways: Record<HubReason, (stage: Stage) => Promise<RawClient | undefined>> = {
  async client_closed({ client }) {
    client.send(`{"type":7}${RS}`);
    return undefined;
  },
  async client_error({ client }) {
    client.send(`{"type":7,"error":"boo"}${RS}`);
    return undefined;
  },
  async aborted({ client }) {
    client.send('{"type":1,"target":"leave","arguments":[]}' + RS);
    return undefined;
  },
  connected_failed: ({ host }) => openRaw(host, '/hub?access_token=refused'),
  async malformed_message({ client }) {
    client.send(`nonsense${RS}`);
    return undefined;
  },
  async message_too_big({ client }) {
    client.send('x'.repeat(1_001));
    return undefined;
  },
  async client_timeout({ host, client }) {
    client.send(`{"type":6}${RS}${call('echo', ['read'])}`);
    await client.next();
    host.clock.pass(40_000);
    return undefined;
  },
  async transport_lost({ client }) {
    client.socket.terminate();
    return undefined;
  },
  async send_timeout({ host, hub, client }) {
    client.socket.pause();
    hub.clients.all.send('data', HUGE);
    host.clock.pass(12_000);
    client.socket.resume();
    await client.next();
    return undefined;
  },
  async slow_consumer({ hub, client }) {
    client.socket.pause();
    hub.clients.all.send('data', HUGE);
    while (hub.clients.all.send('data', 'waits') === 1);
    client.socket.resume();
    await client.next();
    return undefined;
  },
  async rate_limited({ client }) {
    client.send(`{"type":6}${RS}`.repeat(200));
    return undefined;
  },
  async authentication_expired({ host }) {
    const client = await openRaw(host, '/hub?access_token=expiring');
    host.clock.pass(6_000);
    return client;
  },
  async server_closed({ host }) {
    void host.server.close();
    return undefined;
  },
};

/** Returns the Close message that a rule demands, or undefined if the rule demands none. */
function closeMessageOf({ message, allowReconnect }: CloseRule): string | undefined {
  if (message === 'none') return undefined;
  const reason =
    ' The client continued to send more than its budget allows. Wait 10 s or longer before the next connection.';
  return JSON.stringify({
    type: 7,
    ...(message === 'error' ? { error: 'Connection closed with an error.' } : {}),
    ...(message === 'reason' ? { error: `Connection closed with an error.${reason}` } : {}),
    ...(allowReconnect ? { allowReconnect } : {}),
  });
}

const reasons = Object.keys(CLOSE_RULES) as CloseReason[];
const hubReasons = reasons.filter((reason): reason is HubReason => reason !== 'handler_failed');

describe('close reasons', () => {
  test.each(hubReasons)(
    'a connection that ends with the close reason %s follows the rule for this reason in CLOSE_RULES',
    async (reason) => {
      const rule = CLOSE_RULES[reason];
      const told: (Error | undefined)[] = [];
      await using stage = await startStage(told);
      await using client = (await ways[reason](stage)) ?? stage.client;
      const code = await client.closed;
      const expected = closeMessageOf(rule);
      const records = client.waiting.filter((record) => record !== '{"type":6}');
      expect(records).toEqual(expected === undefined ? [] : [expected]);
      expect(code).toBe(expected === undefined ? 1006 : CLOSE_CODES.normal.code);
      expect(await stage.host.event('connection_closed')).toMatchObject({ reason });
      expect(told.map((error) => error && Reflect.get(error, 'code'))).toEqual([
        rule.isError ? (reason === 'connected_failed' ? undefined : reason) : undefined,
      ]);
      expect(told[0] === undefined).toBe(!rule.isError);
    },
  );
});

/** Returns a client's frame, masked with zeros. */
function frame(opcode: number, payload: Buffer, isFinal = true): Buffer {
  return Buffer.concat([
    Buffer.from([opcode | (isFinal ? 0x80 : 0), 0x80 | payload.length, 0, 0, 0, 0]),
    payload,
  ]);
}

/** The close codes of a hub's WebSockets. */
type HubCode = Exclude<keyof typeof CLOSE_CODES, 'raw_error'>;

/** The bytes with which a client causes each close code, and the resulting close reason. */
const breaches: Record<HubCode, { readonly bytes: Buffer; readonly reason: CloseReason }> = {
  normal: { bytes: frame(8, Buffer.alloc(0)), reason: 'client_closed' },
  protocol_error: { bytes: frame(3, Buffer.from('reserved')), reason: 'transport_lost' },
  invalid_text: { bytes: frame(1, Buffer.from([0xff, 0xfe])), reason: 'transport_lost' },
  too_many_parts: {
    bytes: Buffer.concat([
      frame(2, Buffer.alloc(0), false),
      ...Array.from({ length: 16_384 }, () => frame(0, Buffer.alloc(0), false)),
    ]),
    reason: 'transport_lost',
  },
};

describe('close codes', () => {
  test.each(Object.keys(breaches) as HubCode[])(
    'a WebSocket is closed with the close code %s, and its connection with the expected close reason',
    async (name) => {
      await using stage = await startStage([]);
      const { client, host } = stage;
      Reflect.get(client.socket, '_socket').write(breaches[name].bytes);
      expect(await client.closed).toBe(CLOSE_CODES[name].code);
      expect(await host.event('connection_closed')).toMatchObject({ reason: breaches[name].reason });
    },
  );

  test('a WebSocket is closed with code 1000 after a message over the size limit', async () => {
    await using stage = await startStage([]);
    const { client, host } = stage;
    client.socket.send(Buffer.alloc(5_001));
    expect(await client.closed).toBe(1000);
    expect(client.waiting).toEqual([closeMessageOf(CLOSE_RULES.message_too_big)]);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test.each([1001, 1002, 1007, 1009, 4001])(
    'a WebSocket is closed with code 1000 when the client closes it with code %i',
    async (code) => {
      await using stage = await startStage([]);
      const { client, host } = stage;
      Reflect.get(client.socket, '_socket').write(frame(8, Buffer.from([code >> 8, code & 0xff])));
      expect(await client.closed).toBe(1000);
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
    },
  );
});

describe('docs/errors.md', () => {
  /** Returns the rows of the table with the header row `head`. */
  const tableUnder = (head: string): readonly string[] =>
    (page.split(`${head}\n`)[1]?.split('\n\n')[0] ?? '').split('\n').slice(1);

  test('docs/errors.md has every close reason with its rule', () => {
    const yesNo = (is: boolean): string => (is ? 'yes' : 'no');
    expect(
      tableUnder('| reason | may reconnect | Close message | queued messages | error in `onDisconnected` |'),
    ).toEqual(
      reasons.map((reason) => {
        const rule: CloseRule = CLOSE_RULES[reason];
        const waited = rule.discardsQueue ? 'dropped' : 'sent first';
        const message = {
          none: 'none',
          plain: 'without `error`',
          error: 'with `error`',
          reason: 'with `error`, which names the reason',
        }[rule.message];
        return `| \`${reason}\` | ${yesNo(rule.allowReconnect)} | ${message} | ${waited} | ${yesNo(rule.isError)} |`;
      }),
    );
  });

  test('docs/errors.md has every close code with its meaning', () => {
    expect(tableUnder('| close code | when |')).toEqual(
      Object.values(CLOSE_CODES).map(({ code, meaning }) => `| ${code} | ${meaning} |`),
    );
  });
});

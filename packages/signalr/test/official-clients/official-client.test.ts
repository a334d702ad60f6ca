/* Behaviour of the unmodified official client that the matrix in official-matrix.test.ts does not cover. */
import { type HubConnection, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import { defineHub, HubError, isString, JsonText, method, parseArguments } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';

const chat = defineHub<{ data(value: unknown): void }>()({
  methods: {
    shout: method(parseArguments(isString), (_context, text) => text.toUpperCase()),
    echo: (_context, value) => value,
    raw: (context) => context.clients.caller.send('data', new JsonText('{"n":  1.50}')),
    fail() {
      throw new HubError('no such room');
    },
    break() {
      throw new Error('password is 1234');
    },
    cyclic() {
      const value: Record<string, unknown> = {};
      value['self'] = value;
      return value;
    },
  },
});

function startChat(options: Parameters<typeof startHost>[1] = {}): Promise<Host> {
  return startHost((server) => void server.mapHub('/hubs/chat', chat), options);
}

async function connect(host: Host): Promise<HubConnection & AsyncDisposable> {
  const connection = new HubConnectionBuilder()
    .withUrl(`${host.url}/hubs/chat`)
    .configureLogging(LogLevel.None)
    .build();
  await connection.start();
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.stop() });
}

describe('an official client', () => {
  test('the official client gets an error from a method that throws, and the server reports it', async () => {
    await using host = await startChat();
    await using connection = await connect(host);
    await expect(connection.invoke('break')).rejects.toThrow();
    expect(await host.event('invocation_failed')).toMatchObject({
      method: 'break',
      failure: 'method_threw',
      error: { message: 'password is 1234' },
    });
  });

  test('an official client receives the text of every error when enableDetailedErrors is true', async () => {
    await using host = await startChat({ enableDetailedErrors: true });
    await using connection = await connect(host);
    await expect(connection.invoke('break')).rejects.toThrow(
      "An unexpected error occurred invoking 'break' on the server. Error: password is 1234",
    );
    await expect(connection.invoke('shout')).rejects.toThrow(
      "Failed to invoke 'shout' due to an error on the server. InvalidDataException: Invocation provides 0 argument(s) but target expects 1.",
    );
    await expect(connection.invoke('fail')).rejects.toThrow('HubException: no such room');
  });

  test('a result that cannot be encoded makes only its own call fail', async () => {
    await using host = await startChat();
    await using connection = await connect(host);
    await expect(connection.invoke('cyclic')).rejects.toThrow("invoking 'cyclic' on the server.");
    expect(await connection.invoke('echo', 1)).toBe(1);
  });

  test('an official client receives the value of a JSON text', async () => {
    await using host = await startChat();
    await using connection = await connect(host);
    const data = new Promise((resolve) => {
      connection.on('data', resolve);
    });
    await connection.invoke('raw');
    expect(await data).toEqual({ n: 1.5 });
  });
});

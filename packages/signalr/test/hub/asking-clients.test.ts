/*
 * The server calls a client and waits for its answer.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub, isString, method, parseArguments, streamMethod } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

function completion(id: string, rest: string): string {
  return `{"type":3,"invocationId":"${id}",${rest}}`;
}

interface AskedClient {
  confirm(question: string): boolean;
}

describe('a call of the server on a client', () => {
  function startAsking(): Promise<Host & { readonly hub: Hub<AskedClient> }> {
    let hub: Hub<AskedClient> | undefined;
    return startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<AskedClient>()({
          methods: {
            ask: method(parseArguments(isString), (context, question) =>
              context.clients.caller.invoke('confirm', question),
            ),
            id: (context) => context.connectionId,
          },
        }),
      );
    }).then((host) => {
      if (hub === undefined) throw new Error('not mapped');
      return Object.assign(host, { hub });
    });
  }

  test('a client can answer a call from a method that still runs', async () => {
    await using host = await startAsking();
    await using client = await openRaw(host);
    client.send(call('ask', ['sure?'], '1'));
    expect(await client.next()).toBe(
      '{"type":1,"invocationId":"s1","target":"confirm","arguments":["sure?"]}',
    );
    client.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    expect(await client.next()).toBe(completion('1', '"result":true'));
  });

  test('a call to a client fails with the error text that the client sends', async () => {
    await using host = await startAsking();
    await using client = await openRaw(host);
    client.send(call('ask', ['sure?'], '1'));
    await client.next();
    client.send(`{"type":3,"invocationId":"s1","error":"no idea"}${RS}`);
    expect(await client.next()).toContain('HubException: no idea');
  });

  test('a call to a client fails if the client is unknown or disconnects, or if the caller cancels it', async () => {
    await using host = await startAsking();
    const { clients } = host.hub;
    await expect(clients.client('nobody').invoke('confirm', '?')).rejects.toMatchObject({
      code: 'unknown_connection',
      message: "Connection 'nobody' does not exist.",
    });
    await using client = await openRaw(host);
    client.send(call('id'));
    const id = (JSON.parse(await client.next()) as { result: string }).result;
    const abort = new AbortController();
    const given = clients.client(id).withSignal(abort.signal).invoke('confirm', 'a');
    await client.next();
    abort.abort();
    await expect(given).rejects.toMatchObject({
      code: 'canceled',
      message: 'Invocation canceled by the server.',
    });
    client.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    expect(await host.event('message_ignored')).toMatchObject({ messageType: 3 });
    const left = clients.client(id).invoke('confirm', 'b');
    client.socket.close();
    await expect(left).rejects.toMatchObject({
      code: 'disconnected',
      message: `Connection '${id}' disconnected.`,
    });
  });

  test('a client cannot answer a call to another client', async () => {
    await using host = await startAsking();
    await using asked = await openRaw(host);
    await using other = await openRaw(host);
    asked.send(call('ask', ['sure?'], '1'));
    await asked.next();
    other.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    await host.event('message_ignored');
    expect(asked.waiting).toEqual([]);
    asked.send(`{"type":3,"invocationId":"s1","result":false}${RS}`);
    expect(await asked.next()).toBe(completion('1', '"result":false'));
  });

  test('a client can answer a call from a method while it uploads to the method or reads its stream', async () => {
    const hub = defineHub<AskedClient>()({
      methods: {
        upload: method(
          parseArguments(),
          async (context, words) => {
            const isSure = await context.clients.caller.invoke('confirm', 'upload?');
            for await (const word of words) return [isSure, word];
            return [];
          },
          { uploads: [isString] },
        ),
        stream: streamMethod(parseArguments(), async function* (context) {
          yield await context.clients.caller.invoke('confirm', 'first?');
          yield await context.clients.caller.invoke('confirm', 'second?');
        }),
      },
    });
    await using host = await startHost((server) => server.mapHub('/hub', hub));
    await using client = await openRaw(host);
    client.send(`{"type":1,"invocationId":"1","target":"upload","arguments":[],"streamIds":["1"]}${RS}`);
    expect(await client.next()).toContain('"invocationId":"s1","target":"confirm"');
    client.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    // The upload has the same id as its method call, and continues after the answer.
    client.send(`{"type":2,"invocationId":"1","item":"word"}${RS}`);
    expect(await client.next()).toBe(completion('1', '"result":[true,"word"]'));
    client.send(`{"type":4,"invocationId":"2","target":"stream","arguments":[]}${RS}`);
    for (const [id, isSure] of [
      ['s2', true],
      ['s3', false],
    ] as const) {
      expect(await client.next()).toContain(`"invocationId":"${id}","target":"confirm"`);
      client.send(`{"type":3,"invocationId":"${id}","result":${isSure}}${RS}`);
      expect(await client.next()).toBe(`{"type":2,"invocationId":"2","item":${isSure}}`);
    }
    expect(await client.next()).toBe('{"type":3,"invocationId":"2"}');
  });

  test('a method that waits for an answer of its client does not count toward the limit of parallel invocations', async () => {
    const hub = defineHub<AskedClient>()({
      methods: {
        ask: method(parseArguments(isString), (context, question) =>
          context.clients.caller.invoke('confirm', question),
        ),
        wait: ({ signal }) => once(signal, 'abort'),
      },
    });
    const limits = { maximumParallelInvocationsPerClient: 2 };
    await using host = await startHost((server) => server.mapHub('/hub', hub), limits);
    await using client = await openRaw(host);
    client.send(call('wait', [], '0'));
    for (const id of ['1', '2', '3']) client.send(call('ask', [id], id));
    for (const id of ['1', '2', '3']) expect(await client.next()).toContain(`"arguments":["${id}"]`);
    for (const id of ['3', '1', '2']) {
      client.send(`{"type":3,"invocationId":"s${id}","result":true}${RS}`);
      expect(await client.next()).toBe(completion(id, '"result":true'));
    }
  });

  test('a call to a client inside its own onConnected fails, because the server would not read the answer', async () => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<AskedClient>()({
          async onConnected(context) {
            await context.clients.caller.invoke('confirm', '?');
          },
          methods: {},
        }),
      ),
    );
    await using client = await openRaw(host);
    expect(await client.next()).toContain('"type":7');
    expect(await host.event('connection_closed')).toMatchObject({ error: { code: 'not_ready' } });
  });
});

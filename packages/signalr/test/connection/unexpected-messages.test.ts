/* Broken messages, messages that are too large, and messages about a call or stream that does not exist. */
import { describe, expect, test } from 'vitest';
import { defineHub } from '../../src/index.js';
import { startEcho } from '../support/echo-host.js';
import { startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

describe('a broken message', () => {
  test.each([
    'garbage',
    '[1]',
    '{}',
    '{"type":1}',
    '',
    '{"type":3,"invocationId":"1","error":"a","result":1}',
  ])('the broken message %j closes the connection, and the client may reconnect', async (text) => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.send(text + RS);
    expect(await client.next()).toBe(
      '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}',
    );
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'malformed_message' });
  });

  test('a message over the size limit closes the connection, and the client may reconnect', async () => {
    await using host = await startEcho({ maximumReceiveMessageBytes: 100, enableDetailedErrors: true });
    await using client = await openRaw(host);
    client.send('x'.repeat(100));
    expect(await client.next()).toContain(
      'InvalidDataException: The maximum message size of 100B was exceeded',
    );
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test('a message over the size limit of the transport is reported in a Close message before the socket closes', async () => {
    await using host = await startEcho({ maximumTransportMessageBytes: 200 });
    await using client = await openRaw(host);
    client.send('x'.repeat(201));
    expect(await client.next()).toBe(
      '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}',
    );
    await client.closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test('every message before a broken message still takes effect', async () => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.send(`${call('echo', [1])}garbage${RS}${call('echo', [2])}`);
    expect(await client.next()).toContain('"result":1');
    expect(await client.next()).toContain('"type":7');
    await client.closed;
    expect(client.waiting).toEqual([]);
  });
});

describe('messages about a call or stream that is not running', () => {
  test.each([
    ['{"type":2,"invocationId":"1","item":1}', 2],
    ['{"type":3,"invocationId":"1","result":1}', 3],
    ['{"type":5,"invocationId":"1"}', 5],
    ['{"type":8,"sequenceId":1}', 8],
    ['{"type":9,"sequenceId":1}', 9],
  ])('the unexpected message %s is reported and has no effect', async (text, messageType) => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.send(text + RS + call('echo', ['after']));
    expect(await client.next()).toContain('"after"');
    expect(await host.event('message_ignored')).toMatchObject({ messageType });
  });

  test('a call with an upload is refused with an error text if its method takes no uploads', async () => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.send(`{"type":1,"invocationId":"1","target":"ECHO","arguments":[],"streamIds":["7"]}${RS}`);
    expect(await client.next()).toBe(
      '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'echo\' on the server. HubException: Client sent 1 stream(s), Hub method expects 0."}',
    );
  });

  test('a call without an invocation id is never answered', async () => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.send(
      `{"type":1,"target":"nope","arguments":[]}${RS}{"type":1,"target":"echo","arguments":[1]}${RS}`,
    );
    client.send(call('echo', ['last']));
    expect(await client.next()).toContain('"last"');
  });
});

describe('a message over the limit', () => {
  test('the messages before a message over the size limit take effect even if all arrive in one chunk', async () => {
    const [first, second, third] = [call('echo', ['one']), call('echo', ['two']), call('echo', ['three'])];
    await using host = await startHost(
      (server) => server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } })),
      { maximumReceiveMessageBytes: first.length + 1 },
    );
    await using client = await openRaw(host);
    client.send(first + second + third);
    expect(await client.next()).toContain('"result":"one"');
    expect(await client.next()).toContain('"result":"two"');
    expect(await client.next()).toContain('"type":7');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });
});

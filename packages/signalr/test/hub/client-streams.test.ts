/*
 * Streams from the client: items, ends, errors, and limits.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, isNumber, method, parseArguments } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';
import { end, item, startStreams, upload } from '../support/streaming-hub.js';

describe('a stream from the client', () => {
  test('a stream from the client is read until its completion', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(upload('sum', ['of'], ['u']) + item('u', 1) + item('u', 2) + end('u'));
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":"of 3"}');
  });

  test('a client’s stream that ends with an error throws this error in the method that reads it', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(upload('sum', ['of'], ['u']) + item('u', 1) + end('u', 'lost my pen'));
    expect(await client.next()).toContain('HubException: lost my pen');
  });

  test('a stream from the client ends with an error if an item has the wrong type', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(upload('sum', ['of'], ['u']) + item('u', 'one'));
    expect(await client.next()).toContain('HubException: Failed to bind Stream message.');
    client.send(item('u', 2) + call('plain'));
    expect(await client.next()).toContain('"result":1');
  });

  test.each([
    [upload('sum', ['of'], []), 'Client sent 0 stream(s), Hub method expects 1.'],
    [upload('sum', ['of'], ['a', 'b']), 'Client sent 2 stream(s), Hub method expects 1.'],
    [upload('plain', [], ['a']), 'Client sent 1 stream(s), Hub method expects 0.'],
  ])('a call with a wrong number of client streams is refused (%#)', async (text, reason) => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(text);
    expect(await client.next()).toContain(`HubException: ${reason}`);
  });

  test('a call whose stream id is in use is refused, and the stream that has the id continues', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(upload('sum', ['of'], ['u']) + upload('first', [], ['u']));
    expect(await client.next()).toContain("HubException: Stream ID 'u' is already in use.");
    client.send(item('u', 5) + end('u'));
    expect(await client.next()).toContain('"result":"of 5"');
  });

  test('a call that uses one stream id twice is refused, and the id can be used again afterwards', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(upload('both', [], ['u', 'u']) + item('u', 1));
    expect(await client.next()).toContain("HubException: Stream ID 'u' is already in use.");
    client.send(upload('first', [], ['u']) + item('u', 2));
    expect(await client.next()).toContain('"result":2');
  });

  test('a stream that its method no longer reads does not block the client’s connection', async () => {
    await using host = await startStreams({ streamBufferCapacity: 2 });
    await using client = await openRaw(host);
    client.send(upload('first', [], ['u']));
    for (let n = 0; n < 50; n += 1) client.send(item('u', n));
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":0}');
    client.send(end('u') + call('plain'));
    expect(await client.next()).toContain('"result":1');
  });

  test('the server stops reading from a client when the buffer of an unread stream is full', async () => {
    await using host = await startStreams({ streamBufferCapacity: 3 });
    await using client = await openRaw(host);
    client.send(upload('unread', [], ['u']) + item('u', 1) + item('u', 2));
    client.send(call('plain', [], '2'));
    expect(await client.next()).toContain('"invocationId":"2"');
    client.send(item('u', 3) + call('plain', [], '3'));
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    expect(client.waiting).toEqual([]);
    client.socket.terminate();
    await host.event('connection_closed');
  });

  test('one call can have a stream in each direction', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(
      `{"type":4,"invocationId":"1","target":"twice","arguments":[],"streamIds":["u"]}${RS}${item('u', 4)}${end('u')}`,
    );
    expect(await client.next()).toBe('{"type":2,"invocationId":"1","item":8}');
    expect(await client.next()).toBe('{"type":3,"invocationId":"1"}');
  });

  test('a method that reads a client’s stream receives an error when the connection ends', async () => {
    let fail: (error: unknown) => void = () => {};
    const failed = new Promise<unknown>((resolve) => {
      fail = resolve;
    });
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            read: method(
              parseArguments(),
              async (_context, numbers) => {
                try {
                  for await (const _ of numbers);
                } catch (error) {
                  fail(error);
                }
              },
              { uploads: [isNumber] },
            ),
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(upload('read', [], ['u']) + item('u', 1));
    client.socket.close();
    expect(await failed).toMatchObject({ code: 'disconnected' });
  });
});

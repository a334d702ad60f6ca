/*
 * Streams to the client: items, ends, errors, cancellation, and limits.
 */
import { HubConnectionBuilder, LogLevel, Subject } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { describe, expect, test } from 'vitest';
import { defineHub, parseArguments, streamMethod } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';
import { startStreams, stream } from '../support/streaming-hub.js';

describe('a stream to the client', () => {
  test('a stream to the client consists of its items and a completion without a result', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(stream('COUNT', [2]));
    expect(await client.next()).toBe('{"type":2,"invocationId":"1","item":0}');
    expect(await client.next()).toBe('{"type":2,"invocationId":"1","item":1}');
    expect(await client.next()).toBe('{"type":3,"invocationId":"1"}');
    client.send(stream('list'));
    expect([await client.next(), await client.next(), await client.next()].join()).toContain('"item":"b"');
  });

  test('a stream may be requested with null among the arguments', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(stream('given', [5, null]));
    expect(await client.next()).toBe('{"type":2,"invocationId":"1","item":5}');
    expect(await client.next()).toBe('{"type":2,"invocationId":"1","item":null}');
  });

  test('a running stream does not count toward the limit of parallel invocations', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(stream('endless', [], '1') + stream('endless', [], '2') + call('plain', [], '3'));
    const answers = [await client.next(), await client.next(), await client.next()];
    expect(answers).toContain('{"type":3,"invocationId":"3","result":1}');
  });

  test('a stream ends without an error when the client cancels it', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(stream('endless'));
    await client.next();
    client.send(`{"type":5,"invocationId":"1"}${RS}`);
    expect(await client.next()).toBe('{"type":3,"invocationId":"1"}');
    await expect.poll(() => host.log).toEqual(['ended, aborted: true']);
    client.send(stream('endless'));
    expect(await client.next()).toBe('{"type":2,"invocationId":"1","item":0}');
  });

  test('a stream is canceled even when its generator never yields again', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(stream('deaf'));
    await client.next();
    client.send(`{"type":5,"invocationId":"1"}${RS}`);
    expect(await client.next()).toBe('{"type":3,"invocationId":"1"}');
  });

  test('a stream ends when its client disconnects', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(stream('endless'));
    await client.next();
    client.socket.terminate();
    await expect.poll(() => host.log).toEqual(['ended, aborted: true']);
    await host.event('connection_closed');
  });

  test.each([
    [stream('breaks'), 'An error occurred on the server while streaming results. HubException: half way'],
    [stream('FAILS'), "An unexpected error occurred invoking 'fails' on the server. HubException: at once"],
    [
      stream('notStream'),
      "The value returned by the streaming method 'notStream' is not a ChannelReader<> or IAsyncEnumerable<>.",
    ],
    [
      stream('nope'),
      "Failed to invoke 'nope' due to an error on the server. HubException: Method does not exist.",
    ],
    [stream('count'), "Failed to invoke 'count' due to an error on the server."],
    [
      stream('plain'),
      "The client attempted to invoke the non-streaming 'plain' method with a streaming invocation.",
    ],
    [
      call('Count', [1]),
      "The client attempted to invoke the streaming 'count' method with a non-streaming invocation.",
    ],
  ])('a stream that fails has the error text of ASP.NET Core (%#)', async (text, error) => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(text);
    let answer = await client.next();
    if (answer.startsWith('{"type":2')) answer = await client.next();
    expect(JSON.parse(answer)).toEqual({ type: 3, invocationId: '1', error });
  });

  test('a stream request is refused while its invocation id is in use', async () => {
    await using host = await startStreams();
    await using client = await openRaw(host);
    client.send(stream('endless') + stream('endless'));
    const answers = [await client.next(), await client.next()];
    expect(answers).toContain(`{"type":3,"invocationId":"1","error":"Invocation ID '1' is already in use."}`);
  });

  test('the number of streams of one client is limited by maximumStreamsPerClient', async () => {
    await using host = await startStreams({ maximumStreamsPerClient: 2 });
    await using client = await openRaw(host);
    client.send(stream('deaf', [], '1') + stream('deaf', [], '2') + stream('deaf', [], '3'));
    const answers = [await client.next(), await client.next(), await client.next()];
    expect(answers.join()).toContain('HubException: The client has too many streams.');
    client.send(`{"type":5,"invocationId":"1"}${RS}`);
    expect(await client.next()).toBe('{"type":3,"invocationId":"1"}');
    client.send(stream('count', [0], '4'));
    expect(await client.next()).toBe('{"type":3,"invocationId":"4"}');
  });

  test('a stream produces no more items while its slow client accepts none', async () => {
    let produced = 0;
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            big: streamMethod(parseArguments(), function* () {
              for (;;) {
                produced += 1;
                yield 'x'.repeat(10_000);
              }
            }),
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.socket.pause();
    client.send(stream('big'));
    await expect.poll(() => produced).toBeGreaterThan(10);
    let before = -1;
    while (before !== produced) {
      before = produced;
      for (let turn = 0; turn < 200; turn += 1) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    }
    // 20 MB are more than the kernel's buffers of a loopback connection and the buffers of the process can hold together.
    expect(produced * 10_000).toBeLessThan(20_000_000);
    expect(host.events.some(({ type }) => type === 'connection_closed')).toBe(false);
  });
});

describe.each(['json', 'messagepack'])('the official client with %s', (protocol) => {
  async function connect(host: Host) {
    const builder = new HubConnectionBuilder().withUrl(`${host.url}/hub`).configureLogging(LogLevel.None);
    if (protocol === 'messagepack') builder.withHubProtocol(new MessagePackHubProtocol());
    const connection = builder.build();
    await connection.start();
    return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.stop() });
  }

  test('the official client streams in both directions, and can cancel a stream', async () => {
    await using host = await startStreams();
    await using connection = await connect(host);
    const numbers = await new Promise<unknown[]>((resolve, reject) => {
      const items: unknown[] = [];
      connection.stream('count', 100).subscribe({
        next: (n) => items.push(n),
        error: reject,
        complete: () => resolve(items),
      });
    });
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => n));
    const subject = new Subject<number>();
    const sum = connection.invoke('sum', 'of', subject);
    for (let n = 0; n < 100; n += 1) subject.next(n);
    subject.complete();
    expect(await sum).toBe('of 4950');
    const canceled = connection.stream('endless').subscribe({
      next: () => canceled.dispose(),
      error: () => {},
      complete: () => {},
    });
    await expect.poll(() => host.log).toEqual(['ended, aborted: true']);
  });

  test('the official client answers a call from the server', async () => {
    const hub = defineHub<{ add(a: number, b: number): number }>()({
      methods: { ask: (context) => context.clients.caller.invoke('add', 20, 22) },
    });
    await using host = await startHost((server) => server.mapHub('/hub', hub));
    await using connection = await connect(host);
    connection.on('add', (a: number, b: number) => a + b);
    expect(await connection.invoke('ask')).toBe(42);
    connection.off('add');
    await expect(connection.invoke('ask')).rejects.toThrow("Client didn't provide a result.");
  });
});

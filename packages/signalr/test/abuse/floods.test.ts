/*
 * Clients flood the server with messages. The server limits the work and memory for each client, and still serves the other
 * clients.
 */
import { describe, expect, test } from 'vitest';
import { counting, startAbused } from '../support/abused-hub.js';
import type { Host } from '../support/host.js';
import { call, openRaw, type RawClient, RS } from '../support/raw-client.js';

describe('a client that floods the server', () => {
  const COUNT = 10_000;

  /** Sends `COUNT` records. Another client calls a method after half of them. Resolves when that call has been answered. */
  async function flood(host: Host, client: RawClient, record: (index: number) => string): Promise<void> {
    const other = await openRaw(host);
    for (let index = 0; index < COUNT; index += 500) {
      client.send(Array.from({ length: 500 }, (_, offset) => record(index + offset)).join(''));
      if (index === COUNT / 2) other.send(call('echo', ['in between']));
    }
    expect(await other.next()).toContain('in between');
    other.socket.close();
    await other.closed;
  }

  async function next(client: RawClient, text: string): Promise<string> {
    for (;;) {
      const record = await client.next();
      if (record.includes(text)) return record;
    }
  }

  test('a client that floods the server with pings is served like any other client', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    await flood(host, client, () => `{"type":6}${RS}`);
    client.send(call('echo', ['after']));
    expect(await client.next()).toContain('after');
    expect(host.events.filter(({ type }) => !type.startsWith('connection_'))).toEqual([]);
  });

  test('every call in a flood of calls of an unknown method is refused', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    await flood(host, client, (index) => call('nothing', [], String(index)));
    client.send(call('echo', ['after']));
    await next(client, 'after');
    const failures = host.events.filter(({ type }) => type === 'invocation_failed');
    expect(failures).toHaveLength(COUNT);
    expect(failures.at(-1)).toMatchObject({ method: null, failure: 'unknown_method' });
  });

  test('a client may have 1,000 uploads that never end, and more uploads are refused', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    await flood(
      host,
      client,
      (index) =>
        `{"type":1,"invocationId":"${index}","target":"count","arguments":[],"streamIds":["s${index}"]}${RS}`,
    );
    client.send(call('echo', ['after'], 'last'));
    await next(client, 'after');
    expect(host.events.filter(({ type }) => type === 'invocation_failed')).toHaveLength(COUNT - 1_000);
    expect(counting).toBe(1_000);
    client.socket.close();
    await expect.poll(() => counting).toBe(0);
  });

  test('a call with 10,000 stream ids is refused, and stream items without a stream are ignored', async () => {
    await using host = await startAbused({ maximumReceiveMessageBytes: 1_000_000 });
    await using client = await openRaw(host);
    const streamIds = Array.from({ length: 10_000 }, (_, index) => `s${index}`);
    client.send(
      `${JSON.stringify({ type: 1, invocationId: '1', target: 'count', arguments: [], streamIds })}${RS}`,
    );
    expect(await client.next()).toContain('Client sent 10000 stream(s), Hub method expects 1.');
    await flood(host, client, (index) => `{"type":2,"invocationId":"s${index}","item":1}${RS}`);
    client.send(call('echo', ['after']));
    expect(await client.next()).toContain('after');
    expect(host.events.filter(({ type }) => type === 'message_ignored')).toHaveLength(COUNT);
    expect(counting).toBe(0);
  });

  test('a client may have 1,000 streams that never end, and more streams are refused', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    await flood(
      host,
      client,
      (index) => `{"type":4,"invocationId":"${index}","target":"wait","arguments":[]}${RS}`,
    );
    client.send(call('echo', ['after'], 'last'));
    await next(client, 'after');
    expect(host.events.filter(({ type }) => type === 'invocation_failed')).toHaveLength(COUNT - 1_000);
    expect(counting).toBe(1_000);
    client.socket.close();
    await expect.poll(() => counting).toBe(0);
  });
});

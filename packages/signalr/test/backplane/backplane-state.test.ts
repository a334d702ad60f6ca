/*
 * The state of an instance on the backplane (up or down), and its answers about connections of other instances.
 */
import { encode } from '@msgpack/msgpack';
import { describe, expect, test, vi } from 'vitest';
import { createMemoryBackplane } from '../../src/backplane.js';
import { type SignalRError } from '../../src/index.js';
import { failureOf, openMember, startServer } from '../support/backplane-row.js';
import { FaultyBackplane, KIND } from '../support/faulty-backplane.js';
import { pass, reported, startPair, turn } from '../support/faulty-pair.js';

describe('an instance', () => {
  test('an instance is up when it receives its own messages, and down after three heartbeats without them', async () => {
    await using pair = await startPair();
    const { one, beat } = pair;
    expect(one.host.events.filter(({ type }) => type === 'backplane_up')).toHaveLength(1);
    expect(one.hub.backplaneState).toBe('up');
    one.backplane.receivesNothing = true;
    await beat(3);
    expect(one.hub.backplaneState).toBe('up');
    await beat(1);
    expect(one.hub.backplaneState).toBe('down');
    one.backplane.receivesNothing = false;
    await beat(1);
    expect(one.hub.backplaneState).toBe('up');
    expect(reported(one).map(({ type }) => type)).toEqual(['backplane_down', 'backplane_up']);
  });

  test('an instance that cannot subscribe reports the error, serves its own clients, and retries with increasing delays', async () => {
    // Half of the maximum delay before each attempt.
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const backplane = new FaultyBackplane();
    backplane.subscribeError = new Error('refused');
    const { host, hub } = await startServer(backplane);
    await using _host = host;
    await using client = await openMember({ host });
    await pass(4, host);
    expect(await host.event('backplane_down')).toEqual({
      type: 'backplane_down',
      hub: '/hub',
      error: backplane.subscribeError,
    });
    expect(hub.clients.all.send('note', 'here')).toBe(1);
    await pass(296, host);
    // Each failed attempt has ended its subscription to the other channel.
    expect(backplane.openCount).toBe(0);
    // The delays increase until the attempts are 15 seconds apart. Each attempt subscribes to two channels.
    expect(backplane.channels.length / 2).toBeGreaterThan(300 / 15);
    expect(backplane.channels.length / 2).toBeLessThan(300 / 15 + 8);
    backplane.subscribeError = undefined;
    await pass(31, host);
    expect(hub.backplaneState).toBe('up');
    expect(backplane.openCount).toBe(2);
    expect(client.notes).toEqual(['here']);
  });

  test('an instance that is closed while it subscribes keeps no subscription', async () => {
    const backplane = new FaultyBackplane();
    backplane.hold();
    const { host } = await startServer(backplane);
    await using _host = host;
    const closed = host.server.close();
    await turn();
    backplane.flow();
    await closed;
    await turn();
    expect(backplane.channels).toHaveLength(2);
    expect(backplane.openCount).toBe(0);
    expect(host.events).toEqual([]);
  });

  test('a closing instance waits until its last message is published, but no longer than withinMs', async () => {
    await using pair = await startPair();
    const { one, other } = pair;
    let isClosed = false;
    one.backplane.hold();
    const closed = one.host.server.close().then(() => {
      isClosed = true;
      return isClosed;
    });
    await turn();
    expect(isClosed).toBe(false);
    one.backplane.flow();
    await closed;
    expect(await other.hub.groups.add('x', 'g')).toBe(false);
    other.backplane.hold();
    const cut = other.host.server.close({ withinMs: 2_000 });
    await pass(3, other.host);
    await cut;
  });

  test('an instance announces itself to a new instance at once, without waiting for its next heartbeat', async () => {
    const inner = createMemoryBackplane();
    const one = await startServer(new FaultyBackplane(inner));
    await using _one = one.host;
    await expect.poll(() => one.hub.backplaneState).toBe('up');
    const heard: number[] = [];
    await inner.subscribe('/hub', (message) => heard.push(message[2] ?? 0));
    const hello = async (sender: string, isNew: boolean): Promise<void> => {
      await inner.publish('/hub', encode([1, KIND.announce, sender.repeat(22), 0, isNew]));
      await turn();
    };
    await hello('x', false);
    expect(heard).toHaveLength(1);
    await hello('y', true);
    expect(heard).toEqual([KIND.announce, KIND.announce, KIND.announce]);
    // The instance now knows the sender, so it announces itself only with its next heartbeat.
    await hello('y', true);
    expect(heard).toHaveLength(4);
  });

  test('a query of an instance that is down fails, and never reports a connection as unknown', async () => {
    await using pair = await startPair();
    const { one, client, beat } = pair;
    one.backplane.receivesNothing = true;
    const asked = [one.hub.groups.add(client.id, 'g'), one.hub.clients.client(client.id).invoke('ask', 1)];
    const failures = asked.map(failureOf);
    await beat(4);
    for (const failure of failures) expect(await failure).toMatchObject({ code: 'backplane_unavailable' });
    for (const promise of [
      one.hub.groups.add(client.id, 'g'),
      one.hub.groups.remove(client.id, 'g'),
      one.hub.connections.abort('nobody'),
      one.hub.clients.client('nobody').invoke('ask', 1),
    ]) {
      await expect(promise).rejects.toMatchObject({ code: 'backplane_unavailable' });
    }
  });

  test('an instance reports no connection as unknown during its first two heartbeats', async () => {
    const inner = createMemoryBackplane();
    const one = await startServer(new FaultyBackplane(inner));
    await using _one = one.host;
    await expect.poll(() => one.hub.backplaneState).toBe('up');
    let answer: boolean | undefined;
    void one.hub.groups.add('nobody', 'g').then((isDone) => {
      answer = isDone;
      return isDone;
    });
    await pass(2, one.host);
    expect(answer).toBeUndefined();
    await pass(1, one.host);
    expect(answer).toBe(false);
  });

  test.each([
    ['fails when an instance that was already running announces itself and does not answer', false],
    ['does not wait for an instance that has just started', true],
  ])('a query that is still pending %s', async (_name, isNew) => {
    const inner = createMemoryBackplane();
    const one = await startServer(new FaultyBackplane(inner));
    await using _one = one.host;
    await expect.poll(() => one.hub.backplaneState).toBe('up');
    const outcome = one.hub.groups.add('x', 'g').catch((error: SignalRError) => error.code);
    await inner.publish('/hub', encode([1, KIND.announce, 'x'.repeat(22), 0, isNew]));
    await pass(5, one.host);
    expect(await outcome).toBe(isNew ? false : 'backplane_unavailable');
  });
});

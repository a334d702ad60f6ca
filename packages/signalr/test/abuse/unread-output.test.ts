/* Clients never read what the server sends. The server closes their connections at its limits, over every transport. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Hub } from '../../src/index.js';
import { type Client, definition, expectServed, startAbused, turn } from '../support/abused-hub.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openPolling, openStream, post } from '../support/http-client.js';
import { HANDSHAKE, openRaw } from '../support/raw-client.js';

describe('a client that never reads', () => {
  const text = 'x'.repeat(50_000);

  async function expectGivenUp(host: Host, hub: Hub<Client>): Promise<void> {
    // The kernel buffers some megabytes before the queue fills. The limit on sends guarantees that the loop ends.
    for (let sent = 0; sent < 2_000 && hub.clients.all.send('data', text) > 0; sent += 1) await turn();
    expect(hub.clients.all.send('data', text)).toBe(0);
    host.clock.pass(20_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'slow_consumer' });
    await expectServed(host);
  }

  test.each(['WebSockets', 'ServerSentEvents', 'LongPolling'] as const)(
    'a client that never reads is closed when its outbound queue is full, over %s',
    async (transport) => {
      let hub: Hub<Client> | undefined;
      await using host = await startHost(
        (server) => {
          hub = server.mapHub('/hub', definition);
        },
        { maximumOutboundBytes: 200_000 },
      );
      if (hub === undefined) throw new Error('unreachable: it was mapped above');
      if (transport === 'WebSockets') {
        await using client = await openRaw(host);
        client.socket.pause();
        await expectGivenUp(host, hub);
      } else if (transport === 'LongPolling') {
        await openPolling(host);
        await expectGivenUp(host, hub);
      } else {
        const url = await negotiateUrl(host);
        await using stream = await openStream(url);
        await post(url, HANDSHAKE);
        await stream.next();
        stream.response.pause();
        await expectGivenUp(host, hub);
      }
    },
  );

  test('a client that sends WebSocket pings without reading is disconnected before many pongs wait', async () => {
    await using host = await startAbused();
    let held = 0;
    host.http.on('connection', (socket: Socket) => {
      socket.on('data', () => {
        held = Math.max(held, socket.writableLength);
      });
    });
    await using client = await openRaw(host);
    client.socket.pause();
    const socket: Socket = Reflect.get(client.socket, '_socket');
    // A ping of 125 bytes, masked with zeros.
    const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)]);
    const pings = Buffer.concat(Array.from({ length: 5_000 }, () => ping));
    for (let sent = 0; sent < 100 && socket.writable; sent += 1) {
      await new Promise((resolve) => {
        socket.write(pings, resolve);
      });
    }
    expect(held).toBeLessThan(1_000_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    await expectServed(host);
  });
});

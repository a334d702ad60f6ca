/*
 * POST requests of clients over server-sent events and long polling: order, backpressure, and connections that end during a POST.
 */
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { negotiateUrl, openPolling, post, send } from '../support/http-client.js';
import { call } from '../support/raw-client.js';
import { openEvents, startRequestHub, untilOpen } from '../support/request-hub.js';

describe('a POST', () => {
  test('a POST whose connection ends before its body is complete receives 404 when the body is complete', async () => {
    await using host = await startRequestHub();
    const url = await openPolling(host);
    await untilOpen(host, 0);
    const posted = request(url, { method: 'POST', agent: false });
    const status = new Promise((resolve) => {
      posted.on('response', (response) => resolve(response.statusCode));
    });
    const whole = call('echo', ['x']);
    posted.write(whole.slice(0, 10));
    await untilOpen(host, 1);
    await send(url, { method: 'DELETE' });
    posted.end(whole.slice(10));
    expect(await status).toBe(404);
  });
});

describe('two simultaneous POSTs', () => {
  test.each(['ServerSentEvents', 'LongPolling'] as const)(
    'two simultaneous POSTs are read one after the other, over %s',
    async (name) => {
      await using host = await startRequestHub();
      const url = name === 'LongPolling' ? await openPolling(host) : await negotiateUrl(host);
      await using events = name === 'LongPolling' ? undefined : await openEvents(url);
      // Only half of the first POST has been sent when the second one arrives.
      const whole = call('echo', ['first'], '1');
      const first = request(url, { method: 'POST', agent: false });
      const firstStatus = new Promise((resolve) => {
        first.on('response', (response) => resolve(response.statusCode));
      });
      const openBefore = name === 'LongPolling' ? 0 : 1;
      await untilOpen(host, openBefore);
      first.write(whole.slice(0, 20));
      await untilOpen(host, openBefore + 1);
      const second = post(url, call('echo', ['second'], '2'));
      await untilOpen(host, openBefore + 2);
      first.end(whole.slice(20));
      expect([await firstStatus, (await second).status]).toEqual([200, 200]);
      const answers =
        events === undefined ? (await send(url)).text : (await events.next()) + (await events.next());
      expect(answers.indexOf('first')).toBeGreaterThan(0);
      expect(answers.indexOf('second')).toBeGreaterThan(answers.indexOf('first'));
    },
  );
});

describe('a busy hub', () => {
  test('a busy hub answers a POST of an event stream client only when its inbound buffer has room again', async () => {
    await using host = await startRequestHub();
    const url = await negotiateUrl(host);
    await using events = await openEvents(url);
    await post(url, call('slow') + call('slow', [], '2'));
    await untilOpen(host, 1);
    const held = post(url, call('echo', ['y'.repeat(2_000)], '3'));
    await untilOpen(host, 2);
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    await untilOpen(host, 2);
    host.release();
    expect((await held).status).toBe(200);
    for (const id of ['1', '2', '3']) expect(await events.next()).toContain(`"invocationId":"${id}"`);
  });

  test('a busy hub that delays a POST does not delay polls', async () => {
    let hub: Hub<{ note(text: string): void }> | undefined;
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using host = await startHost(
      (server) => {
        hub = server.mapHub(
          '/hub',
          defineHub<{ note(text: string): void }>()({ methods: { slow: () => released } }),
        );
      },
      { maximumInboundBufferBytes: 500 },
    );
    const url = await openPolling(host);
    await post(url, call('slow') + call('slow', [], '2'));
    await untilOpen(host, 0);
    const held = post(url, call('slow', ['y'.repeat(2_000)], '3'));
    await untilOpen(host, 1);
    const poll = send(url);
    hub?.clients.all.send('note', 'in between');
    expect((await poll).text).toContain('in between');
    await untilOpen(host, 1);
    release();
    expect((await held).status).toBe(200);
  });
});

describe('a busy hub', () => {
  test('a busy hub answers a POST of a long polling client only when its inbound buffer has room again', async () => {
    let release: () => void = () => {};
    const hub = defineHub()({
      methods: {
        slow: () =>
          new Promise<void>((resolve) => {
            release = resolve;
          }),
        echo: (_context, value) => value,
      },
    });
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      maximumInboundBufferBytes: 1_000,
    });
    const url = await openPolling(host);
    await post(url, call('slow') + call('echo', ['waits'], '0'));
    let isAnswered = false;
    const big = post(url, call('echo', ['y'.repeat(2_000)], '2')).then((reply) => {
      isAnswered = true;
      return reply;
    });
    const next = post(url, call('echo', ['z'], '3'));
    for (let round = 0; round < 3; round += 1) expect((await fetch(`${host.url}/x`)).status).toBe(200);
    expect(isAnswered).toBe(false);
    release();
    expect((await big).status).toBe(200);
    expect((await next).status).toBe(200);
    let seen = '';
    while (!seen.includes('"z"')) seen += (await send(url)).body.toString();
    expect(seen.indexOf('yyy')).toBeLessThan(seen.indexOf('"z"'));
  });

  test('a POST that waits for a busy hub receives 404 when its connection ends', async () => {
    const hub = defineHub()({ methods: { slow: () => new Promise<void>(() => {}) } });
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      maximumInboundBufferBytes: 500,
    });
    const url = await openPolling(host);
    await post(url, call('slow') + call('slow'));
    const stuck = post(url, call('slow', ['y'.repeat(2_000)]));
    for (let round = 0; round < 3; round += 1) expect((await fetch(`${host.url}/x`)).status).toBe(200);
    await send(url, { method: 'DELETE' });
    expect((await stuck).status).toBe(404);
  });
});

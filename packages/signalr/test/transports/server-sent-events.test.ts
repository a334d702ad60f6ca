/*
 * Server-sent events, request by request.
 */
import { describe, expect, test } from 'vitest';
import { negotiateUrl, openStream, post } from '../support/http-client.js';
import { call, HANDSHAKE, RS } from '../support/raw-client.js';
import { startTransportHost } from '../support/transport-host.js';

describe('an event stream', () => {
  test('an event stream has one event with one data line for each message', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    expect(events.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache,no-store',
      pragma: 'no-cache',
      'content-encoding': 'identity',
    });
    const posted = await post(url, HANDSHAKE + call('raw'));
    expect([posted.status, posted.headers['content-type'], posted.body.length]).toEqual([
      200,
      'text/plain',
      0,
    ]);
    expect(await events.next()).toBe(`:\r\ndata: {}${RS}`);
    expect(await events.next()).toBe(`data: {"type":1,"target":"raw","arguments":[{ "a":  1}]}${RS}`);
    expect(await events.next()).toContain('"result":1');
  });

  test('a large message is sent as one event', async () => {
    await using host = await startTransportHost({}, { maximumReceiveMessageBytes: 200_000 });
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    const text = 'H'.repeat(60_000) + 'W'.repeat(60_000);
    await post(url, HANDSHAKE + call('echo', [text]));
    await events.next();
    expect(await events.next()).toBe(`data: {"type":3,"invocationId":"1","result":"${text}"}${RS}`);
  });

  test('the handshake over an event stream refuses a binary protocol', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    await post(url, `{"protocol":"messagepack","version":1}${RS}`);
    expect(await events.next()).toContain(
      "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format.",
    );
    await events.ended;
    expect((await post(url, 'x')).status).toBe(404);
  });

  test('POST bodies may split messages anywhere and contain several messages, and are read in order', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    const bytes = HANDSHAKE + Array.from({ length: 5 }, (_, index) => call('echo', [index])).join('');
    for (let offset = 0; offset < bytes.length; offset += 60) {
      expect((await post(url, bytes.slice(offset, offset + 60))).status).toBe(200);
    }
    await events.next();
    for (let index = 0; index < 5; index += 1) expect(await events.next()).toContain(`"result":${index}`);
  });

  test('an event stream that its client closes ends the connection without an error', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    const events = await openStream(url);
    await post(url, HANDSHAKE);
    await events[Symbol.asyncDispose]();
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
    expect((await post(url, 'x')).text).toBe('404 No Connection with that ID');
  });

  test('an event stream ends after the Close message', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    await post(url, HANDSHAKE + call('leave'));
    await events.next();
    expect(await events.next()).toBe(`data: {"type":7}${RS}`);
    await events.ended;
    await host.event('connection_closed');
  });
});

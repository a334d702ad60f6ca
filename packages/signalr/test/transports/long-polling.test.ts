/*
 * Long polling, request by request.
 */
import { describe, expect, test } from 'vitest';
import { negotiateUrl, openPolling, post, send } from '../support/http-client.js';
import { call, HANDSHAKE, RS } from '../support/raw-client.js';
import { noCache, startTransportHost } from '../support/transport-host.js';

describe('long polling', () => {
  test('the first poll is answered immediately without content, and later polls are answered with messages', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    const first = await send(`${url}&_=1`);
    expect([first.status, first.headers['content-length'], first.body.length]).toEqual([200, '0', 0]);
    expect(first.headers).toMatchObject(noCache);
    await post(url, HANDSHAKE);
    const handshake = await send(url);
    expect(handshake.text).toBe(`200 {}${RS}`);
    expect(handshake.headers).toMatchObject({ ...noCache, 'content-type': 'application/octet-stream' });
    const waiting = send(url);
    await post(url, call('notes', [3]));
    const answer = (await waiting).body.toString().split(RS);
    expect(answer.slice(0, 3).map((record) => JSON.parse(record) as unknown)).toMatchObject([
      { arguments: ['0'] },
      { arguments: ['1'] },
      { arguments: ['2'] },
    ]);
  });

  test('long polling carries binary messages', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    await send(url);
    await post(url, `{"protocol":"messagepack","version":1}${RS}`);
    expect((await send(url)).text).toBe(`200 {}${RS}`);
    const bytes = Buffer.from('0d960180a131a46563686f912a90', 'hex');
    await post(url, bytes.subarray(0, 3));
    await post(url, bytes.subarray(3));
    expect((await send(url)).body.toString('hex')).toBe('07950380a131032a');
  });

  test('no message that is sent between two polls is lost', async () => {
    await using host = await startTransportHost();
    const url = await openPolling(host);
    await post(url, call('notes', [2_000]));
    const seen: string[] = [];
    while (seen.length < 2_001) {
      const answer = await send(url);
      expect(answer.body.length).toBeLessThan(70_000);
      seen.push(...answer.body.toString().split(RS).slice(0, -1));
    }
    const notes = seen
      .slice(0, -1)
      .map((record) => (JSON.parse(record) as { arguments: string[] }).arguments[0]);
    expect(notes).toEqual(Array.from({ length: 2_000 }, (_, index) => String(index)));
  });

  test('a waiting poll receives 204 when a newer poll arrives', async () => {
    await using host = await startTransportHost();
    const url = await openPolling(host);
    const older = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    const newer = send(url);
    expect((await older).status).toBe(204);
    await post(url, call('echo', ['x']));
    expect((await newer).text).toContain('"x"');
  });

  test('a poll without messages ends after its timeout, and the client can poll again', async () => {
    await using host = await startTransportHost({}, { pollTimeoutMs: 20_000 });
    const url = await openPolling(host);
    const waiting = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    host.clock.pass(21_000);
    const answer = await waiting;
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    await post(url, call('echo', ['still']));
    expect((await send(url)).text).toContain('still');
  });

  test('long polling sends no pings and needs none from its client', async () => {
    await using host = await startTransportHost({}, { keepAliveIntervalMs: 2_000, clientTimeoutMs: 4_000 });
    const url = await openPolling(host);
    await post(url, `{"type":6}${RS}`);
    const waiting = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    host.clock.pass(60_000);
    await post(url, call('echo', ['first']));
    expect((await waiting).text).toContain('"first"');
  });

  test('a client that stops polling counts as lost', async () => {
    await using host = await startTransportHost({}, { disconnectTimeoutMs: 10_000 });
    const url = await openPolling(host);
    host.clock.pass(9_000);
    expect(host.events.some(({ type }) => type === 'connection_closed')).toBe(false);
    host.clock.pass(3_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    expect((await send(url)).text).toBe('404 No Connection with that ID');
  });

  test('a waiting poll delivers the Close message, and the next poll receives 204', async () => {
    await using host = await startTransportHost();
    const url = await openPolling(host);
    await post(url, call('leave'));
    expect((await send(url)).text).toBe(`200 {"type":7}${RS}`);
    expect((await send(url)).text).toBe('204');
    await host.event('connection_closed');
    expect((await send(url)).text).toBe('404 No Connection with that ID');
  });

  test('a DELETE request ends the connection: the waiting poll receives 204, and later requests receive 404', async () => {
    await using host = await startTransportHost();
    const url = await openPolling(host);
    const waiting = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    const deleted = await send(url, { method: 'DELETE' });
    expect([deleted.text, deleted.headers['content-type']]).toEqual(['202', 'text/plain']);
    expect((await waiting).status).toBe(204);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
    expect((await post(url, 'x')).status).toBe(404);
    expect((await send(url)).status).toBe(404);
    expect((await send(url, { method: 'DELETE' })).status).toBe(404);
  });

  test('a connection survives a poll that its client aborts', async () => {
    await using host = await startTransportHost();
    const url = await openPolling(host);
    const abort = new AbortController();
    const waiting = fetch(url, { signal: abort.signal }).catch(() => 'aborted');
    await expect.poll(() => host.openRequests).toBe(1);
    abort.abort();
    expect(await waiting).toBe('aborted');
    await expect.poll(() => host.openRequests).toBe(0);
    await post(url, call('echo', ['kept']));
    expect((await send(url)).text).toContain('kept');
  });
});

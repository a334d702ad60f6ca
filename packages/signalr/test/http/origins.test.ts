/*
 * Requests from pages of other origins: refusals, CORS headers and preflights.
 */
import { describe, expect, test } from 'vitest';
import type { MapHubOptions } from '../../src/index.js';
import { startChat, upgrade } from '../support/chat-host.js';

describe('origins', () => {
  const other = { Origin: 'https://evil.example' };
  const listed = { Origin: 'https://App.example' };

  test('an upgrade request from a page of another host is refused by default', async () => {
    await using host = await startChat();
    expect(await upgrade(host, '/hubs/chat', other)).toEqual({ status: 403, body: '' });
    expect(await host.event('request_refused')).toMatchObject({ reason: 'origin_not_allowed' });
    const same = await upgrade(host, '/hubs/chat', { Origin: host.url });
    expect(same.status).toBe(101);
    same.socket?.terminate();
  });

  test.each<[MapHubOptions<undefined>['allowedOrigins'], Record<string, string>, number]>([
    [['https://app.example'], listed, 101],
    [['https://app.example'], other, 403],
    [['https://app.example'], { Origin: 'null' }, 403],
    ['*', other, 101],
    [(origin) => origin.endsWith('.example'), other, 101],
    [() => false, other, 403],
    [() => false, {}, 101],
  ])(
    'a hub with the allowed origins %j answers an upgrade request with the headers %j with status %i',
    async (allowedOrigins, headers, status) => {
      await using host = await startChat(allowedOrigins === undefined ? {} : { allowedOrigins });
      const answer = await upgrade(host, '/hubs/chat', headers);
      expect(answer.status).toBe(status);
      answer.socket?.terminate();
    },
  );

  test('an allowed origin receives CORS headers that allow credentials, and any other origin receives none', async () => {
    await using host = await startChat({ allowedOrigins: ['https://app.example'] });
    const post = async (headers: Record<string, string>) =>
      (await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST', headers })).headers;
    const allowed = await post(listed);
    expect(allowed.get('access-control-allow-origin')).toBe('https://App.example');
    expect(allowed.get('access-control-allow-credentials')).toBe('true');
    expect(allowed.get('vary')).toBe('Origin');
    expect((await post(other)).get('access-control-allow-origin')).toBeNull();
  });

  test('a preflight request receives the methods and headers that clients may use, without authentication', async () => {
    await using host = await startChat({
      allowedOrigins: ['https://app.example'],
      authenticate: () => undefined,
    });
    const response = await fetch(`${host.url}/hubs/chat/negotiate`, {
      method: 'OPTIONS',
      headers: {
        ...listed,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,x-requested-with,x-signalr-user-agent,x-own',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://App.example');
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, DELETE');
    expect(response.headers.get('access-control-allow-headers')).toContain('x-own');
  });

  test('a preflight request from an origin that is not allowed receives no list of allowed methods', async () => {
    const preflight = async (options: MapHubOptions<undefined>) => {
      await using host = await startChat(options);
      const response = await fetch(`${host.url}/hubs/chat/negotiate`, {
        method: 'OPTIONS',
        headers: { ...other, 'Access-Control-Request-Method': 'POST' },
      });
      return [response.status, response.headers.get('access-control-allow-methods')];
    };
    expect(await preflight({ allowedOrigins: ['https://app.example'] })).toEqual([204, null]);
    expect(await preflight({})).toEqual([405, null]);
  });

  test('a refusal to an allowed origin has CORS headers, so that the page can read it', async () => {
    await using host = await startChat({
      allowedOrigins: ['https://app.example'],
      authenticate: () => undefined,
    });
    const response = await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST', headers: listed });
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://App.example');
  });
});

// A path answers a method that it does not have with 405 and the methods that it has (RFC 9110), and HEAD as GET without a body.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../fixtures/http/http-request.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';

const routes = `
export default {
  name: 'shop',
  http({ http }) {
    http.get('/orders/:id', async () => ({ id: 1 }));
    http.put('/orders/:id', async () => ({ id: 1 }));
    http.post('/orders/:id/ship', async () => ({}));
    http.post('/orders/latest', async () => ({}));
    http.get('/pages/*', async (request, reply) => reply.callNotFound());
    http.get('/*', async (request, reply) => reply.callNotFound());
  },
};`;

let folder: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-methods-'));
  await writeFile(join(folder, 'app.mjs'), routes);
  gateway = await GatewayProcess.start({ MILLRACE_ADMIN_PORT: '0', MILLRACE_APP: join(folder, 'app.mjs') });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const paths = [
  ['/v1/events', 'POST'],
  ['/v1/events/0197f0a0-0000-7000-8000-000000000001', 'DELETE'],
  ['/v1/rooms/room/events', 'DELETE, GET, HEAD'],
  ['/v1/rooms/user%3Ame/position?x=/', 'GET, HEAD'],
  ['/v1/rooms/room/members', 'GET, HEAD'],
  ['/v1/rooms/room/members/ann', 'POST'],
  ['/v1/rooms/room/members/ann/remove', 'POST'],
  ['/v1/users/ann/online', 'GET, HEAD'],
  ['/v1/users/ann/events', 'DELETE'],
  ['/v1/users/ann/sign-out', 'POST'],
  ['/v1/openapi.json', 'GET, HEAD'],
  ['/healthz', 'GET, HEAD'],
  ['/readyz', 'GET, HEAD'],
  ['/orders/7', 'GET, HEAD, PUT'],
  ['/orders/7/ship', 'POST'],
  ['/orders/latest', 'GET, HEAD, POST, PUT'],
] as const;

const refused = (allowed: string) => ({
  code: 'method_not_allowed',
  status: 405,
  detail: expect.stringContaining(allowed) as string,
});

describe('a method that a path does not have', () => {
  test.each(paths)('%s answers 405 and allows %s', async (path, allowed) => {
    for (const method of ['PATCH', 'TRACE', 'PROPFIND']) {
      const { status, headers, text } = await ask(gateway.url + path, { method });
      expect([status, headers.allow]).toEqual([405, allowed]);
      expect(headers['content-type']).toContain('application/problem+json');
      expect(JSON.parse(text)).toMatchObject(refused(allowed));
    }
  });

  test('the admin port answers 405 to a method that a path does not have', async () => {
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      const { status, headers } = await ask(gateway.adminUrl + path, { method: 'POST' });
      expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
    }
  });

  test('a read of a path that can only be written is answered with 405 beside a page for every path', async () => {
    const { status, headers } = await ask(`${gateway.url}/v1/events`);
    expect([status, headers.allow]).toEqual([405, 'POST']);
  });

  test.each([
    '/v1/evnets',
    '/v1/rooms/room',

    '/pages/first',
    '/orders',

    '/',
  ])('the path %s, which no route names, answers 404', async (path) => {
    const { status, headers, text } = await ask(gateway.url + path, { method: 'PUT' });
    expect([status, headers.allow]).toEqual([404, undefined]);
    expect(JSON.parse(text)).toMatchObject({ code: 'not_found' });
  });
});

describe('HEAD', () => {
  const readable = [
    '/v1/rooms/room/events',
    '/v1/rooms/room/events?wait=60',
    '/v1/rooms/room/position',
    '/v1/rooms/room/members',
    '/v1/users/ann/online',
    '/v1/openapi.json',
    '/healthz',
    '/readyz',
    '/orders/7',
    // These are refused.
    '/v1/rooms/room/events?limit=none',
    '/v1/rooms/%01/position',
    '/nowhere',
  ];

  test.each(readable)('HEAD of %s answers as GET does, without a body', async (path) => {
    const head = await ask(gateway.url + path, { method: 'HEAD' });
    // A poll without an event would wait for one.
    const get = await ask(gateway.url + path.replace('wait=60', 'wait=0'));
    expect(head.text).toBe('');
    expect([head.status, head.headers['content-type'], head.headers['content-length']]).toEqual([
      get.status,
      get.headers['content-type'],
      get.headers['content-length'],
    ]);
  });

  test('HEAD of an event stream answers as the stream begins, and ends', async () => {
    const head = await ask(`${gateway.url}/v1/rooms/room/events`, {
      method: 'HEAD',
      headers: { accept: 'text/event-stream' },
    });
    expect([head.status, head.text, head.headers['content-type'], head.headers['content-length']]).toEqual([
      200,
      '',
      'text/event-stream',
      undefined,
    ]);
  });

  test('HEAD of the metrics answers without a body', async () => {
    const { status, text, headers } = await ask(`${gateway.adminUrl}/metrics`, { method: 'HEAD' });
    expect([status, text]).toEqual([200, '']);
    expect(headers['content-type']).toContain('text/plain');
  });
});

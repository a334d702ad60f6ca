// Every HTTP answer of a gateway has headers that keep a browser from running anything in it.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';

const policy = "default-src 'none'; frame-ancestors 'none'";

const pages = `
export default {
  name: 'pages',
  http({ http }) {
    http.get('/page', (_request, reply) => reply.type('text/html').send('<!doctype html><script src="/page.js"></script>'));
    http.get('/own', (_request, reply) => reply.header('content-security-policy', "default-src 'self'").send('x'));
  },
};`;

let folder: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-pages-'));
  await writeFile(join(folder, 'app.mjs'), pages);
  gateway = await GatewayProcess.start({ MILLRACE_ADMIN_PORT: '0', MILLRACE_APP: join(folder, 'app.mjs') });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Sends these lines, and returns the head of the answer in lower case. */
async function headOf(...lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (text.includes('\r\n\r\n')) socket.destroy();
  });
  await once(socket, 'close');
  return text.split('\r\n\r\n')[0]?.toLowerCase() ?? '';
}

const json = { 'content-type': 'application/json' };

describe('headers of every answer', () => {
  test.each<[number, string, RequestInit?]>([
    [200, '/hubs/events/negotiate?negotiateVersion=1', { method: 'POST' }],
    [404, '/hubs/events?id=unknown'],
    [405, '/hubs/events', { method: 'PUT' }],
    [422, '/v1/events', { method: 'POST', headers: json, body: '[]' }],
    [415, '/v1/events', { method: 'POST', headers: { 'content-type': 'text/html' }, body: '<b>' }],
    [200, '/v1/rooms/room/events'],
    [200, '/v1/openapi.json'],
    [200, '/healthz'],
    [404, '/no/such/path'],
    [400, '/v1/rooms/%/events'],
  ])(
    'an answer with status %i for %s forbids content sniffing, scripts and frames',
    async (status, path, request) => {
      const response = await fetch(gateway.url + path, request);
      expect(response.status).toBe(status);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('content-security-policy')).toBe(policy);
    },
  );

  test('an answer of the admin port forbids them', async () => {
    const { status, headers } = await fetch(`${gateway.adminUrl}/metrics`);
    expect([status, headers.get('x-content-type-options'), headers.get('content-security-policy')]).toEqual([
      200,
      'nosniff',
      policy,
    ]);
  });

  test('an answer with server-sent events or of a poll forbids them', async () => {
    for (const accept of ['text/event-stream', '*/*']) {
      const negotiated = await fetch(`${gateway.url}/hubs/events/negotiate?negotiateVersion=1`, {
        method: 'POST',
      });
      const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
      const ended = new AbortController();
      const { headers } = await fetch(`${gateway.url}/hubs/events?id=${connectionToken}`, {
        headers: { accept },
        signal: ended.signal,
      });
      ended.abort();
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toBe(policy);
    }
  });

  test.each([
    ['bytes that are not HTTP', '400', ['no HTTP']],
    ['a host name of another machine', '421', ['GET / HTTP/1.1', 'Host: attacker.example']],
  ])('the answer to %s forbids them', async (_what, status, lines) => {
    const head = await headOf(...lines);
    expect(head).toContain(`http/1.1 ${status}`);
    expect(head).toContain('\r\nx-content-type-options: nosniff\r\n');
    expect(head).toContain(`\r\ncontent-security-policy: ${policy}\r\n`);
  });
});

test('pages of an application have no policy but their own, and are not sniffed', async () => {
  const page = await fetch(`${gateway.url}/page`);
  expect(page.headers.get('content-security-policy')).toBeNull();
  expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  const own = await fetch(`${gateway.url}/own`);
  expect(own.headers.get('content-security-policy')).toBe("default-src 'self'");
});

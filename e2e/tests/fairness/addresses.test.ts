// Limits per address for clients that are not signed in. The address is that of the client, as trusted proxies name it.
import type { OutgoingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { ask } from '../../fixtures/http/http-request.js';
import { readReadiness } from '../../fixtures/http/readiness.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';

/** The limits of one address are those of one user. */
const limits = { MILLRACE_USERS_PER_ADDRESS: '1', MILLRACE_MAX_PENDING_CONNECTIONS_PER_USER: '2' };

async function negotiate(
  url: string,
  headers: OutgoingHttpHeaders = {},
  query = '',
): Promise<number | undefined> {
  const answer = await ask(`${url}/hubs/events/negotiate?negotiateVersion=1${query}`, {
    method: 'POST',
    headers: { ...headers, 'content-length': 0 },
  });
  return answer.status;
}

/** Negotiates four times. Returns the statuses. */
async function statuses(url: string, headers: (time: number) => OutgoingHttpHeaders): Promise<unknown> {
  const found: (number | undefined)[] = [];
  for (let time = 0; time < 4; time += 1) found.push(await negotiate(url, headers(time)));
  return found;
}

const refusedAfterTwo = [200, 200, 429, 429];
const allAccepted = [200, 200, 200, 200];

test('clients that are not signed in share the limits of their address, and a named user has its own', async () => {
  await using gateway = await GatewayProcess.start(limits);
  expect(await statuses(gateway.url, () => ({}))).toEqual(refusedAfterTwo);
  expect(await negotiate(gateway.url, {}, '&user=ana')).toBe(200);
  expect((await readReadiness(gateway.url)).body).toEqual({ status: 'ready' });
});

test('a client behind a trusted proxy has its own limits, and cannot choose another address', async () => {
  await using gateway = await GatewayProcess.start({
    ...limits,
    MILLRACE_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8',
  });
  const from = (address: string) => (): OutgoingHttpHeaders => ({ 'x-forwarded-for': address });
  expect(await statuses(gateway.url, from('203.0.113.1'))).toEqual(refusedAfterTwo);
  expect(await statuses(gateway.url, from('203.0.113.2, 10.1.1.1'))).toEqual(refusedAfterTwo);
  // The client writes another address each time. The proxy appends the real one.
  const spoofed = (time: number): OutgoingHttpHeaders => ({
    'x-forwarded-for': `9.9.9.${time}, 203.0.113.3`,
  });
  expect(await statuses(gateway.url, spoofed)).toEqual(refusedAfterTwo);
  // All addresses of one IPv6 network count as one.
  const network = (time: number): OutgoingHttpHeaders => ({ 'x-forwarded-for': `2001:db8::${time}` });
  expect(await statuses(gateway.url, network)).toEqual(refusedAfterTwo);
  expect(await statuses(gateway.url, from('203.0.113.4'))).toEqual(refusedAfterTwo);
  expect((await readReadiness(gateway.url)).body).toEqual({ status: 'ready' });
});

test('a client that sends a proxy’s headers has the limits of its own address if there is no proxy', async () => {
  for (const proxies of ['none', '10.0.0.0/8']) {
    await using gateway = await GatewayProcess.start({ ...limits, MILLRACE_TRUSTED_PROXIES: proxies });
    expect(await statuses(gateway.url, (time) => ({ 'x-forwarded-for': `9.9.9.${time}` }))).toEqual(
      refusedAfterTwo,
    );
  }
});

test('an undeclared proxy turns limits per address off, is logged once, and is shown by /readyz', async () => {
  await using gateway = await GatewayProcess.start(limits);
  expect(await statuses(gateway.url, () => ({ 'x-forwarded-for': '203.0.113.1' }))).toEqual(allAccepted);
  expect(await statuses(gateway.url, () => ({ forwarded: 'for=203.0.113.1' }))).toEqual(allAccepted);
  expect(await statuses(gateway.url, () => ({ via: '1.1 proxy' }))).toEqual(allAccepted);
  expect(gateway.lines.filter((line) => line.includes('MILLRACE_TRUSTED_PROXIES'))).toHaveLength(1);
  expect((await readReadiness(gateway.url)).body).toEqual({
    status: 'ready',
    details: [expect.stringContaining('MILLRACE_TRUSTED_PROXIES')],
  });
});

test('each connection of an address has the budget of one user, and the address is not shut out', async () => {
  await using gateway = await GatewayProcess.start({
    MILLRACE_MAX_ROOMS_PER_CONNECTION: '50',
    MILLRACE_MAX_CLIENT_CALLS_BURST: '200',
  });
  const hub = `${gateway.url.replace('http', 'ws')}/hubs/events`;
  const flooder = new WebSocket(hub);
  const received: string[] = [];
  flooder.on('error', () => {});
  flooder.on('message', (data: Buffer) => received.push(data.toString()));
  flooder.on('open', () => {
    flooder.send('{"protocol":"json","version":1}\u001e');
    for (let number = 0; number < 600; number += 1) flooder.send('{"type":6}\u001e');
  });
  await new Promise((resolve) => {
    flooder.on('close', resolve);
  });
  expect(received.join('')).toContain('continued to send more than its budget allows');
  expect(await negotiate(gateway.url)).toBe(200);
});

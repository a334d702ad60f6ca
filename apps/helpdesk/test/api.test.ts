// The API from outside: sign-in, refusals, and the tokens for the gateway.
import { createServer } from 'node:http';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { addApiRoutes } from '../src/http/api-routes.js';
import { openHelpdesk, seeded } from './fixtures.js';

async function openApi() {
  const helpdesk = await openHelpdesk();
  const http = Fastify({ serverFactory: (handler) => createServer(handler) });
  const errors: unknown[] = [];
  addApiRoutes(http, {
    ...helpdesk,
    typingExpiryMs: 1_000,
    issueToken: async ({ id }) => `token of ${id}`,
    onError: (error) => errors.push(error),
  });
  const call = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: object, session?: string) => {
    const answer = await http.inject({
      method,
      url: `/api${path}`,
      headers: session === undefined ? {} : { authorization: `Bearer ${session}` },
      ...(body === undefined ? {} : { payload: body }),
    });
    return {
      status: answer.statusCode,
      body: answer.body === '' ? undefined : answer.json<Record<string, unknown>>(),
    };
  };
  const signIn = async (personId: string) =>
    String((await call('POST', '/sessions', { personId })).body?.['sessionToken']);
  return {
    helpdesk,
    call,
    errors,
    signIn,
    async [Symbol.asyncDispose]() {
      await http.close();
      await helpdesk[Symbol.asyncDispose]();
    },
  };
}

test('a request without a session may only list the people and sign in', async () => {
  await using api = await openApi();
  expect((await api.call('GET', '/people')).status).toBe(200);
  for (const path of ['/tickets', `/tickets/${seeded.vpnTicket}`, '/notifications']) {
    expect(await api.call('GET', path)).toMatchObject({ status: 401 });
    expect(await api.call('GET', path, undefined, 'made-up')).toMatchObject({ status: 401 });
  }
  expect((await api.call('POST', '/tokens')).status).toBe(401);
});

test('no answer contains an email address', async () => {
  await using api = await openApi();
  const session = await api.signIn(seeded.noa);
  for (const path of ['/people', '/tickets', `/tickets/${seeded.vpnTicket}`])
    expect(JSON.stringify(await api.call('GET', path, undefined, session))).not.toContain('@');
});

test('session tokens are stored only as hashes', async () => {
  await using api = await openApi();
  const session = await api.signIn(seeded.noa);
  const rows = JSON.stringify(api.helpdesk.database.prepare('SELECT * FROM sessions').all());
  expect(rows).not.toContain(session);
  expect((await api.call('POST', '/tokens', undefined, session)).body).toEqual({
    accessToken: `token of ${seeded.noa}`,
  });
});

test('a message that is sent twice with the same clientTempId is stored once', async () => {
  await using api = await openApi();
  const session = await api.signIn(seeded.noa);
  const send = () =>
    api.call(
      'POST',
      `/tickets/${seeded.vpnTicket}/messages`,
      { content: 'Hello', clientTempId: 'a' },
      session,
    );
  const [first, second] = [await send(), await send()];
  expect(first.status).toBe(200);
  expect(second.body).toEqual(first.body);
  // One event in the room of the ticket, and one in each list that contains the ticket.
  expect(api.helpdesk.outbox.size).toBe(3);
});

const message = `/tickets/${seeded.vpnTicket}/messages`;
const wrong: readonly [method: 'GET' | 'POST' | 'PUT', path: string, body?: object][] = [
  ['POST', message, { content: 'x' }],
  ['POST', message, { content: '   ', clientTempId: 'a' }],
  ['POST', message, { content: 'x'.repeat(4_001), clientTempId: 'a' }],
  ['POST', message, { content: 7, clientTempId: 'a' }],
  ['POST', message, { content: 'x', clientTempId: 'a', is_screenshot: true }],
  ['POST', '/tickets/no-uuid/messages', { content: 'x', clientTempId: 'a' }],
  ['POST', '/tickets', { subject: '', content: 'x' }],
  ['POST', '/tickets', { subject: 'Of an agent, but for nobody', content: 'x' }],
  ['GET', `/tickets?search=${'x'.repeat(101)}`],
  ['PUT', `/tickets/${seeded.vpnTicket}/status`, { status: 'exploded' }],
  ['PUT', `/tickets/${seeded.vpnTicket}/assignee`, { assigneeId: '' }],
  ['PUT', `/tickets/${seeded.vpnTicket}/read`, { sequenceNumber: '3' }],
  ['PUT', `/tickets/${seeded.vpnTicket}/read`, { sequenceNumber: 0 }],
  ['GET', `/tickets/${seeded.vpnTicket}?after=-1`],
  ['GET', `/tickets/${seeded.vpnTicket}?after=1;DROP`],
  ['POST', '/sessions', { personId: "' OR 1=1 --" }],
];

test.each(wrong)(
  'the invalid request %s %s %.60j is refused and changes nothing',
  async (method, path, body) => {
    await using api = await openApi();
    const session = await api.signIn(seeded.maria);
    const answer = await api.call(method, path, body, session);
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
    expect(api.errors).toEqual([]);
    expect(api.helpdesk.outbox.size).toBe(0);
  },
);

test('each kind of refusal has its own status, and an internal error reveals no details', async () => {
  await using api = await openApi();
  const session = await api.signIn(seeded.noa);
  expect(await api.call('GET', `/tickets/${seeded.danielsTicket}`, undefined, session)).toMatchObject({
    status: 404,
    body: { code: 'not_found' },
  });
  expect(
    (await api.call('PUT', `/tickets/${seeded.vpnTicket}/status`, { status: 'solved' }, session)).status,
  ).toBe(403);
  api.helpdesk.database.exec('DROP TABLE notifications');
  const broken = await api.call('GET', '/notifications', undefined, session);
  expect(broken).toEqual({
    status: 500,
    body: { code: 'internal', message: 'The helpdesk could not complete the request.' },
  });
  expect(api.errors).toHaveLength(1);
});

test('a read position is limited to the last message', async () => {
  await using api = await openApi();
  const session = await api.signIn(seeded.noa);
  await api.call('PUT', `/tickets/${seeded.vpnTicket}/read`, { sequenceNumber: 9_999 }, session);
  const { body } = await api.call('GET', `/tickets/${seeded.vpnTicket}`, undefined, session);
  expect(body).toMatchObject({ readUpToByPerson: { [seeded.noa]: 9 } });
});

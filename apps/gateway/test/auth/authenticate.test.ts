import { randomUUID } from 'node:crypto';
import type { AuthenticateRequest } from '@millrace/signalr';
import { expect, it } from 'vitest';
import { authenticateAnybody, authenticateByToken } from '../../src/auth/authenticate.js';
import type { TokenVerifier } from '../../src/auth/token-verifier.js';
import type { Logger } from '../../src/telemetry/logger.js';

// The token is the user's ID.
const verify: TokenVerifier = async (sub) => ({
  ok: true,
  token: { user: { userId: sub ?? '', name: 'Ana', rooms: [] }, expiresAtMs: undefined },
});
const silent = { info() {} } as unknown as Logger; // It is told of refusals only.
const byToken = authenticateByToken(verify, silent);

const request = (token: string | null, query = ''): AuthenticateRequest => ({
  path: '/hubs/events',
  query: new Map(new URLSearchParams(query)),
  headers: {},
  remoteAddress: undefined,
  stage: 'connect',
  token,
  current: undefined,
});

it('knows a user by the UUID in lower case, and keeps the spelling of the token', async () => {
  const id = randomUUID();
  expect(await byToken(request(id.toUpperCase()))).toMatchObject({
    userId: id,
    user: { userId: id.toUpperCase() },
  });
});

it('takes an ID that is no UUID as it is', async () => {
  expect(await byToken(request('Ana'))).toMatchObject({ userId: 'Ana', user: { userId: 'Ana' } });
});

it('does the same for users that name themselves, in development', async () => {
  const id = randomUUID();
  expect(await authenticateAnybody(byToken)(request(null, `user=${id.toUpperCase()}`))).toMatchObject({
    userId: id,
    user: { userId: id.toUpperCase() },
  });
});

it('invents an ID for who opens a connection, and keeps it; nobody is whoever negotiates', async () => {
  const authenticate = authenticateAnybody(byToken);
  expect(await authenticate({ ...request(null), stage: 'negotiate' })).toMatchObject({ userId: null });
  const opened = await authenticate(request(null));
  expect(opened?.userId).toMatch(/^[\da-f-]{36}$/);
  expect(await authenticate({ ...request(null), stage: 'request', current: opened })).toMatchObject({
    userId: opened?.userId,
  });
  const named = { ...request(null, 'user=ana'), stage: 'negotiate' } as const;
  expect(await authenticate(named)).toMatchObject({ userId: 'ana' });
});

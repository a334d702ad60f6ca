import { randomUUID } from 'node:crypto';
import type { AuthenticateRequest } from '@millrace/signalr';
import { expect, it } from 'vitest';
import { authenticateAnybody, authenticateByToken } from '../../src/auth/authenticate.js';
import type { TokenVerifier } from '../../src/auth/token-verifier.js';
import type { Logger } from '../../src/telemetry/logger.js';

// A verifier that accepts every token. The text of the token is the ID of its user.
const verify: TokenVerifier = async (sub) => ({
  ok: true,
  token: { user: { userId: sub ?? '', name: 'Ana', rooms: [] }, expiresAtMs: undefined },
});
const silent = { info() {} } as unknown as Logger; // Only refusals are logged.
const byToken = authenticateByToken({
  verifyToken: verify,
  revocations: { isSignedOut: (userId) => userId === 'signed-out' },
  logger: silent,
});

const request = (token: string | null, query = ''): AuthenticateRequest => ({
  path: '/hubs/events',
  query: new Map(new URLSearchParams(query)),
  headers: {},
  remoteAddress: undefined,
  stage: 'connect',
  token,
  current: undefined,
});

it('a user is identified by the UUID in lower case, and `user.userId` keeps the spelling of the token', async () => {
  const id = randomUUID();
  expect(await byToken(request(id.toUpperCase()))).toMatchObject({
    userId: id,
    user: { userId: id.toUpperCase() },
  });
});

it('a user ID that is not a UUID identifies the user exactly as it is written', async () => {
  expect(await byToken(request('Ana'))).toMatchObject({ userId: 'Ana', user: { userId: 'Ana' } });
});

it('a gateway in development mode identifies a user by the UUID of the query string in lower case', async () => {
  const id = randomUUID();
  expect(await authenticateAnybody(byToken)(request(null, `user=${id.toUpperCase()}`))).toMatchObject({
    userId: id,
    user: { userId: id.toUpperCase() },
  });
});

it('an anonymous user has no ID during the negotiation, and keeps the ID from the opening of the connection', async () => {
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

it('a valid token of a user who was signed out after it was issued is refused', async () => {
  expect(await byToken(request('signed-out'))).toBeUndefined();
});

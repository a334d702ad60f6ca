// The rules for tokens: audience, issuer, type, expiry, length and algorithm. The secret changes while clients stay
// connected.
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { KeyServer } from '../../fixtures/http/key-server.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { jwtSecret, normalMode } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const newSecret = 'the-next-end-to-end-secret-of-more-than-32-bytes';
const issuer = 'https://id.example';
const nowSeconds = Math.floor(Date.now() / 1_000);
/** Claims of a token that the strict gateway accepts. */
const good = {
  sub: randomUUID(),
  rooms: ['r'],
  aud: 'desk',
  iss: issuer,
  iat: nowSeconds,
  exp: nowSeconds + 3_600,
  tenant: 'acme',
} as const;

const strict = sharedSystem(() =>
  GatewayProcess.start({
    ...normalMode,
    MILLRACE_JWT_AUDIENCE: 'desk, console',
    MILLRACE_JWT_ISSUER: issuer,
    MILLRACE_JWT_REQUIRED_CLAIMS: 'exp,tenant',
    MILLRACE_JWT_MAX_LIFE_MS: '7200000',
    MILLRACE_MAX_TOKEN_BYTES: '4096',
    MILLRACE_LOG_LEVEL: 'info',
  }),
);

interface Signing {
  readonly secret?: string;
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Signs exactly these claims. A claim that is `undefined` is left out. */
function sign(claims: object, { secret = jwtSecret, header = {} }: Signing = {}): Promise<string> {
  return new SignJWT(JSON.parse(JSON.stringify(claims)) as Record<string, unknown>)
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(new TextEncoder().encode(secret));
}

/** Calls negotiate, and returns the status and the text of the answer. */
async function negotiate(url: string, token: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${url}/hubs/events/negotiate?negotiateVersion=1`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: answer.status, text: await answer.text() };
}

/** Returns claims with this number of rooms. */
const withRooms = (count: number): object => ({
  ...good,
  rooms: Array.from({ length: count }, () => randomUUID()),
});

test.each<[name: string, refusal: string, make: () => Promise<string>]>([
  ['for another application', 'audience', () => sign({ ...good, aud: 'billing' })],
  ['without an audience', 'claim_missing', () => sign({ ...good, aud: undefined })],
  ['of another issuer', 'issuer', () => sign({ ...good, iss: 'https://evil.example' })],
  ['without an issuer', 'claim_missing', () => sign({ ...good, iss: undefined })],
  ['without an expiry', 'claim_missing', () => sign({ ...good, exp: undefined })],
  ['without a required claim', 'claim_missing', () => sign({ ...good, tenant: undefined })],
  ['that is valid for a day', 'life_too_long', () => sign({ ...good, exp: nowSeconds + 86_400 })],
  ['without a time of issue', 'claim_missing', () => sign({ ...good, iat: undefined })],
  ['that has expired', 'expired', () => sign({ ...good, iat: nowSeconds - 7_200, exp: nowSeconds - 3_600 })],
  ['that is not valid yet', 'not_yet_valid', () => sign({ ...good, nbf: nowSeconds + 3_600 })],
  ['that is a logout token', 'type', () => sign(good, { header: { typ: 'logout+jwt' } })],
  ['of a secret that the gateway does not know', 'signature', () => sign(good, { secret: newSecret })],
  ['of another algorithm', 'algorithm', () => sign(good, { header: { alg: 'HS384' } })],
  ['of 100 rooms, which is too long', 'too_long', () => sign(withRooms(100))],
  ['that is garbage', 'malformed', async () => 'garbage'],
])('a token %s is refused with 401, and only the log has the reason (%s)', async (_name, refusal, make) => {
  const token = await make();
  expect(await negotiate(strict().url, token)).toEqual({ status: 401, text: '' });
  await strict().line(new RegExp(`"refusal":"${refusal}".*token is not accepted`));
  if (token.length > 10) expect(strict().output).not.toContain(token);
});

test('a token that follows all rules is accepted, even with a type and several audiences', async () => {
  for (const header of [{}, { typ: 'JWT' }, { typ: 'at+jwt' }])
    expect((await negotiate(strict().url, await sign(good, { header }))).status).toBe(200);
  expect((await negotiate(strict().url, await sign({ ...good, aud: ['billing', 'console'] }))).status).toBe(
    200,
  );
});

test('a request with headers longer than any accepted token is answered with 431 and a reason', async () => {
  const { status, text } = await negotiate(strict().url, await sign(withRooms(500)));
  expect(status).toBe(431);
  expect(JSON.parse(text)).toMatchObject({
    code: 'headers_too_large',
    detail: expect.stringContaining('access token') as unknown,
  });
  await strict().line(/headers are too large/);
  const refused = { at: 'api', code: 'headers_too_large' };
  expect(await readMetric(strict().url, 'http_refusals_total', refused)).toBeGreaterThan(0);
});

test('a token with 400 rooms is accepted over WebSockets by default', async () => {
  await using gateway = await GatewayProcess.start(normalMode);
  const token = await sign(withRooms(400));
  await using _client = await EventLog.connect(gateway.url, { token });
});

test('the secret can be changed in two steps without refusing anybody', async () => {
  await using first = await GatewayProcess.start({ ...normalMode, MILLRACE_JWT_SECRETS: newSecret });
  await using second = await GatewayProcess.start({
    ...normalMode,
    MILLRACE_JWT_SECRET: newSecret,
    MILLRACE_JWT_SECRETS: jwtSecret,
  });
  for (const gateway of [first, second]) {
    for (const secret of [jwtSecret, newSecret])
      expect((await negotiate(gateway.url, await sign(good, { secret }))).status).toBe(200);
  }
});

test('tokens from the secret and from the key server are both accepted while one replaces the other', async () => {
  await using keyServer = await KeyServer.start();
  await using gateway = await GatewayProcess.start({ ...normalMode, MILLRACE_JWKS_URL: keyServer.url });
  expect((await negotiate(gateway.url, await sign(good))).status).toBe(200);
  expect((await negotiate(gateway.url, await keyServer.sign({ sub: randomUUID() }))).status).toBe(200);
});

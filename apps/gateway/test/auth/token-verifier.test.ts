import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { KeysUnavailable } from '../../src/auth/remote-keys.js';
import { createTokenVerifier } from '../../src/auth/token-verifier.js';

const jwtSecret = 'a secret of at least thirty-two bytes!';
const verify = createTokenVerifier({ jwtSecret });

function token(
  claims: Record<string, unknown>,
  { secret = jwtSecret, alg = 'HS256', exp = '5m' } = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg })
    .setExpirationTime(exp)
    .sign(new TextEncoder().encode(secret));
}

describe('createTokenVerifier with a secret', () => {
  it('the verifier reads user, name, rooms and expiry', async () => {
    const result = await verify(await token({ sub: 'ana', name: 'Ana', rooms: ['a', 'b*'] }));
    expect(result).toMatchObject({
      ok: true,
      token: { user: { userId: 'ana', name: 'Ana', rooms: ['a', 'b*'] } },
    });
    expect(result.ok && (result.token.expiresAtMs ?? 0) > Date.now()).toBe(true);
  });

  it('the verifier uses the claim sub for a missing name, and no rooms for a missing claim rooms', async () => {
    expect(await verify(await token({ sub: 'ana' }))).toMatchObject({
      token: { user: { name: 'ana', rooms: [] } },
    });
  });

  it.each([null, ''])('the verifier refuses a missing token (%j)', async (missing) => {
    expect(await verify(missing)).toEqual({ ok: false, refusal: 'missing' });
  });

  it('the verifier refuses an expired token', async () => {
    expect(await verify(await token({ sub: 'ana' }, { exp: '-1m' }))).toEqual({
      ok: false,
      refusal: 'expired',
    });
  });

  it('the verifier refuses another secret, another algorithm, no algorithm and garbage', async () => {
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"ana"}').toString('base64url')}.`;
    const tokens = [
      await token({ sub: 'ana' }, { secret: 'b'.repeat(40) }),
      await token({ sub: 'ana' }, { alg: 'HS512', secret: jwtSecret.repeat(2) }),
      unsigned,
      'garbage',
      'a.b.c',
    ];
    for (const bad of tokens) expect(await verify(bad)).toEqual({ ok: false, refusal: 'invalid' });
  });

  it.each([
    {},
    { sub: '' },
    { sub: 'me' },
    { sub: 'a\nb' },
    { sub: 'a\nb' },
    { sub: 'x'.repeat(201) },
    { sub: 'ana', rooms: 'all' },
    { sub: 'ana', rooms: [1] },
  ])('the verifier refuses the claims %j', async (claims) => {
    expect(await verify(await token(claims))).toEqual({ ok: false, refusal: 'claims' });
  });
});

const key = await generateKeyPair('ES256');

function signed(claims: Record<string, unknown>, kid = 'k1'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(key.privateKey);
}

describe('createTokenVerifier with remote keys', () => {
  const verifyWithKeys = createTokenVerifier({ remoteKeys: { keyOf: async () => key.publicKey } });

  it('the verifier accepts a token that the key has signed, and refuses HMAC with the public key', async () => {
    expect(await verifyWithKeys(await signed({ sub: 'ana' }))).toMatchObject({
      ok: true,
      token: { user: { userId: 'ana' } },
    });
    const confused = await new SignJWT({ sub: 'ana' })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(new TextEncoder().encode(JSON.stringify(await exportJWK(key.publicKey))));
    expect(await verifyWithKeys(confused)).toEqual({ ok: false, refusal: 'invalid' });
  });

  it.each([
    ['the key server is unavailable', new KeysUnavailable(7_000), 7_000],
    ['the key of the server cannot be read', new TypeError('bad key'), 5_000],
  ])('a token is not refused when %s', async (_, error, retryAfterMs) => {
    const failing = createTokenVerifier({ remoteKeys: { keyOf: () => Promise.reject(error) } });
    const refusal = { ok: false, refusal: 'keys_unavailable', retryAfterMs };
    expect(await failing(await signed({ sub: 'ana' }))).toEqual(refusal);
    // Text that is not a token is refused, even without a key.
    expect(await failing('garbage')).toEqual({ ok: false, refusal: 'invalid' });
  });
});

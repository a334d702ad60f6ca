import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../src/auth/token-verifier.js';

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
  it('reads user, name, rooms and expiry', async () => {
    const result = await verify(await token({ sub: 'ana', name: 'Ana', rooms: ['a', 'b*'] }));
    expect(result).toMatchObject({
      ok: true,
      token: { user: { userId: 'ana', name: 'Ana', rooms: ['a', 'b*'] } },
    });
    expect(result.ok && (result.token.expiresAtMs ?? 0) > Date.now()).toBe(true);
  });

  it('takes the sub for a missing name, and no rooms for a missing claim', async () => {
    expect(await verify(await token({ sub: 'ana' }))).toMatchObject({
      token: { user: { name: 'ana', rooms: [] } },
    });
  });

  it.each([null, ''])('refuses a missing token (%j)', async (missing) => {
    expect(await verify(missing)).toEqual({ ok: false, refusal: 'missing' });
  });

  it('refuses an expired token', async () => {
    expect(await verify(await token({ sub: 'ana' }, { exp: '-1m' }))).toEqual({
      ok: false,
      refusal: 'expired',
    });
  });

  it('refuses another secret, another algorithm, no algorithm and garbage', async () => {
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
  ])('refuses claims %j', async (claims) => {
    expect(await verify(await token(claims))).toEqual({ ok: false, refusal: 'claims' });
  });
});

describe('createTokenVerifier with a key set', () => {
  it('accepts a token of the set, refuses HMAC with the public key, and says when the set cannot be had', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
    const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const verifyWithSet = createTokenVerifier({ jwksUrl });
    const good = await new SignJWT({ sub: 'ana' })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(privateKey);
    expect(await verifyWithSet(good)).toMatchObject({ ok: true, token: { user: { userId: 'ana' } } });
    const confused = await new SignJWT({ sub: 'ana' })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(new TextEncoder().encode(JSON.stringify(jwk)));
    expect(await verifyWithSet(confused)).toEqual({ ok: false, refusal: 'invalid' });
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    expect(await createTokenVerifier({ jwksUrl })(good)).toEqual({ ok: false, refusal: 'keys_unavailable' });
  });
});

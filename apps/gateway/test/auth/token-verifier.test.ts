import { type CryptoKey, createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { KeysUnavailable, type RemoteKeys } from '../../src/auth/remote-keys.js';
import type { TokenRefusal, TokenRules } from '../../src/auth/token-rules.js';
import { createTokenVerifier, type TokenVerifier } from '../../src/auth/token-verifier.js';

const jwtSecret = 'a secret of at least thirty-two bytes!';
const oldSecret = 'the secret before it, which is as long';

const encode = (secret: string): Uint8Array => new TextEncoder().encode(secret);

const rules: TokenRules = {
  audience: [],
  issuer: [],
  requiredClaims: ['exp'],
  algorithms: ['HS256', 'ES256'],
  types: ['JWT', 'at+jwt'],
  clockToleranceMs: 5_000,
  maxLifeMs: undefined,
  maxBytes: 32_768,
};

/** A verifier with the secret, and with rules that differ from the usual ones. */
const verifierWith = (changed: Partial<TokenRules> = {}): TokenVerifier =>
  createTokenVerifier(
    { secrets: [jwtSecret, oldSecret].map(encode), remoteKeys: undefined },
    { ...rules, ...changed },
  );
const verify = verifierWith();

interface Signing {
  readonly secret?: string;
  readonly header?: Record<string, unknown>;
  /** Null for a token without an expiry. @defaultValue in five minutes */
  readonly exp?: string | null;
}

function token(
  claims: Record<string, unknown>,
  { secret = jwtSecret, header = {}, exp = '5m' }: Signing = {},
): Promise<string> {
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...header });
  return (exp === null ? jwt : jwt.setExpirationTime(exp)).sign(new TextEncoder().encode(secret));
}

/** A token with this header and an empty signature. */
const unsigned = (header: object): string =>
  `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from('{"sub":"ana"}').toString('base64url')}.`;

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

describe('createTokenVerifier with secrets', () => {
  it('the verifier reads user, name, rooms and expiry', async () => {
    const result = await verify(await token({ sub: 'ana', name: 'Ana', rooms: ['a', 'b*'] }));
    expect(result).toMatchObject({
      ok: true,
      token: { user: { userId: 'ana', name: 'Ana', rooms: ['a', 'b*'] } },
    });
    expect(result.ok && (result.token.expiresAtMs ?? 0) > Date.now()).toBe(true);
  });

  it('the verifier takes a missing name from the claim sub, and gives no rooms for a missing claim rooms', async () => {
    expect(await verify(await token({ sub: 'ana' }))).toMatchObject({
      token: { user: { name: 'ana', rooms: [] } },
    });
  });

  it('the verifier accepts tokens of every secret', async () => {
    for (const secret of [jwtSecret, oldSecret])
      expect(await verify(await token({ sub: 'ana' }, { secret }))).toMatchObject({ ok: true });
  });

  it.each(
    [
      ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'AT+JWT'].map((typ) => ({ typ })),
      [{ kid: 'any' }, {}],
    ].flat(),
  )('the verifier accepts a token with the header %j', async (header) => {
    expect(await verify(await token({ sub: 'ana' }, { header }))).toMatchObject({ ok: true });
  });

  it.each<
    [
      refusal: TokenRefusal,
      name: string,
      make: () => string | null | Promise<string>,
      rules?: Partial<TokenRules>,
    ]
  >([
    ['missing', 'no token', () => null],
    ['missing', 'an empty token', () => ''],
    ['malformed', 'garbage', () => 'garbage'],
    ['malformed', 'three empty parts', () => 'a.b.c'],
    ['malformed', 'a header that is a list', () => unsigned([])],
    ['algorithm', 'the algorithm none', () => unsigned({ alg: 'none' })],
    ['algorithm', 'the algorithm None', () => unsigned({ alg: 'None' })],
    ['algorithm', 'no algorithm', () => unsigned({})],
    ['algorithm', 'an algorithm that is a number', () => unsigned({ alg: 256 })],
    [
      'algorithm',
      'an algorithm that is not allowed',
      () => token({ sub: 'ana' }, { header: { alg: 'HS512' }, secret: jwtSecret.repeat(2) }),
    ],
    ['algorithm', 'an algorithm of a key server that there is not', () => unsigned({ alg: 'ES256' })],
    ['malformed', 'a critical header', () => unsigned({ alg: 'HS256', crit: ['x'], x: 1 })],
    ['signature', 'another secret', () => token({ sub: 'ana' }, { secret: 'b'.repeat(40) })],
    ['signature', 'no signature', () => unsigned({ alg: 'HS256' })],
    [
      'signature',
      'a changed claim',
      async () =>
        (await token({ sub: 'ana' })).replace(
          /\.[^.]+\./,
          `.${Buffer.from('{"sub":"bob"}').toString('base64url')}.`,
        ),
    ],
    ['type', 'a logout token', () => token({ sub: 'ana' }, { header: { typ: 'logout+jwt' } })],
    ['type', 'a DPoP proof', () => token({ sub: 'ana' }, { header: { typ: 'dpop+jwt' } })],
    ['type', 'a type that is not a string', () => unsigned({ alg: 'HS256', typ: 7 })],
    [
      'type',
      'a type that is not among the accepted ones',
      () => token({ sub: 'ana' }, { header: { typ: 'JWT' } }),
      { types: ['at+jwt'] },
    ],
    ['expired', 'an expiry in the past', () => token({ sub: 'ana' }, { exp: '-1m' })],
    ['claim_missing', 'no expiry', () => token({ sub: 'ana' }, { exp: null })],
    [
      'claim_invalid',
      'an expiry that is a string',
      () => token({ sub: 'ana', exp: 'tomorrow' }, { exp: null }),
    ],
    ['not_yet_valid', 'a beginning in the future', () => token({ sub: 'ana', nbf: inSeconds(60) })],
    [
      'audience',
      'another audience',
      () => token({ sub: 'ana', aud: 'other' }),
      { audience: ['app', 'desk'] },
    ],
    ['claim_missing', 'no audience', () => token({ sub: 'ana' }), { audience: ['app'] }],
    [
      'issuer',
      'another issuer',
      () => token({ sub: 'ana', iss: 'https://evil.example' }),
      { issuer: ['https://id.example'] },
    ],
    ['claim_missing', 'no issuer', () => token({ sub: 'ana' }), { issuer: ['https://id.example'] }],
    [
      'claim_missing',
      'a required claim that is missing',
      () => token({ sub: 'ana' }),
      { requiredClaims: ['tenant'] },
    ],
    [
      'life_too_long',
      'a life that is too long',
      () => token({ sub: 'ana', iat: inSeconds(-60), exp: inSeconds(3_600) }, { exp: null }),
      { maxLifeMs: 3_600_000 },
    ],
    [
      'claim_missing',
      'no time of issue, where its life is bounded',
      () => token({ sub: 'ana' }),
      { maxLifeMs: 3_600_000 },
    ],
    ['too_long', 'too many bytes', () => token({ sub: 'ana', x: 'y'.repeat(400) }), { maxBytes: 300 }],
    ['sub', 'no sub', () => token({})],
    ['sub', 'an empty sub', () => token({ sub: '' })],
    ['sub', 'the sub me', () => token({ sub: 'me' })],
    ['sub', 'a control character in the sub', () => token({ sub: 'a\nb' })],
    ['sub', 'half a surrogate pair in the sub', () => token({ sub: 'a\ud800b' })],
    ['sub', 'a sub that is too long', () => token({ sub: 'x'.repeat(201) })],
    ['rooms', 'rooms that are a string', () => token({ sub: 'ana', rooms: 'all' })],
    ['rooms', 'a room that is a number', () => token({ sub: 'ana', rooms: [1] })],
  ])('the verifier refuses with %s: %s', async (refusal, _name, make, changed = {}) => {
    const result = await verifierWith(changed)(await make());
    expect(result).toMatchObject({ ok: false, refusal });
  });

  it('the verifier tolerates exactly the configured difference between two clocks', async () => {
    const late = await token({ sub: 'ana', nbf: inSeconds(200), exp: inSeconds(400) }, { exp: null });
    expect(await verifierWith({ clockToleranceMs: 300_000 })(late)).toMatchObject({ ok: true });
    expect(await verifierWith({ clockToleranceMs: 100_000 })(late)).toMatchObject({
      refusal: 'not_yet_valid',
    });
  });

  it('the verifier accepts one of several audiences and issuers', async () => {
    const strict = verifierWith({ audience: ['app', 'desk'], issuer: ['https://id.example'] });
    const claims = { sub: 'ana', aud: ['other', 'desk'], iss: 'https://id.example' };
    expect(await strict(await token(claims))).toMatchObject({ ok: true });
  });

  it('the verifier accepts a token without an expiry if no claim is required', async () => {
    const result = await verifierWith({ requiredClaims: [] })(await token({ sub: 'ana' }, { exp: null }));
    expect(result).toMatchObject({ ok: true, token: { expiresAtMs: undefined } });
  });

  it('the verifier names a reason for each refusal, and repeats no value of the token', async () => {
    const secretive = await token({ sub: 'ana', aud: 'hunter2', exp: inSeconds(60) }, { exp: null });
    expect(JSON.stringify(await verifierWith({ audience: ['app'] })(secretive))).not.toContain('hunter2');
  });
});

const key = await generateKeyPair('ES256');
const otherKey = await generateKeyPair('ES256');

function signed(
  claims: Record<string, unknown>,
  { privateKey = key.privateKey, kid = 'k1' }: { privateKey?: CryptoKey; kid?: string | null } = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', ...(kid === null ? {} : { kid }) })
    .setExpirationTime('5m')
    .sign(privateKey);
}

describe('createTokenVerifier with remote keys', () => {
  const remote = (keyOf: RemoteKeys['keyOf'], secrets: readonly string[] = []): TokenVerifier =>
    createTokenVerifier({ secrets: secrets.map(encode), remoteKeys: { keyOf } }, rules);
  const verifyWithKeys = remote(async () => key.publicKey);

  it('the verifier accepts a token that the key has signed, and refuses HMAC with the public key', async () => {
    expect(await verifyWithKeys(await signed({ sub: 'ana' }))).toMatchObject({
      ok: true,
      token: { user: { userId: 'ana' } },
    });
    const secret = JSON.stringify(await exportJWK(key.publicKey));
    expect(await verifyWithKeys(await token({ sub: 'ana' }, { secret }))).toMatchObject({
      ok: false,
      refusal: 'algorithm',
    });
  });

  it('the verifier accepts tokens of a secret and of a key server while one replaces the other', async () => {
    const both = remote(async () => key.publicKey, [jwtSecret]);
    expect(await both(await signed({ sub: 'ana' }))).toMatchObject({ ok: true });
    expect(await both(await token({ sub: 'ana' }))).toMatchObject({ ok: true });
    const privateKey = otherKey.privateKey;
    expect(await both(await signed({ sub: 'ana' }, { privateKey }))).toMatchObject({ refusal: 'signature' });
  });

  it('a token without a key ID is accepted if any of the keys has signed it', async () => {
    const keys = await Promise.all(
      [otherKey, key].map(async ({ publicKey }, index) => ({
        ...(await exportJWK(publicKey)),
        kid: `k${index}`,
        alg: 'ES256',
      })),
    );
    const several = remote(createLocalJWKSet({ keys }));
    expect(await several(await signed({ sub: 'ana' }, { kid: null }))).toMatchObject({ ok: true });
    const { privateKey } = await generateKeyPair('ES256');
    expect(await several(await signed({ sub: 'ana' }, { kid: null, privateKey }))).toMatchObject({
      refusal: 'signature',
    });
    expect(await several(await signed({ sub: 'ana' }, { kid: 'k9' }))).toMatchObject({
      refusal: 'unknown_key',
    });
  });

  it.each([
    ['the key server is unavailable', new KeysUnavailable(7_000), { retryAfterMs: 7_000 }],
    [
      'the key of the server cannot be read',
      new TypeError('bad key'),
      { retryAfterMs: 5_000, reason: 'bad key' },
    ],
  ])('a token is neither accepted nor refused when %s', async (_, error, expected) => {
    const failing = remote(() => Promise.reject(error));
    expect(await failing(await signed({ sub: 'ana' }))).toEqual({
      ok: false,
      refusal: 'keys_unavailable',
      ...expected,
    });
    // A text that is not a token is refused, even without a key.
    expect(await failing('garbage')).toMatchObject({ ok: false, refusal: 'malformed' });
  });
});

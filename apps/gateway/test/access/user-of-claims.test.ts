// The user of a token: by the claims, or by the function of an application.
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  type ReadUser,
  userOfApplication,
  userOfStandardClaims,
  userWithoutRooms,
} from '../../src/access/user-of-claims.js';
import type { TokenRules } from '../../src/auth/token-rules.js';
import { createTokenVerifier } from '../../src/auth/token-verifier.js';

const secret = new TextEncoder().encode('a secret of at least thirty-two bytes!');
const rules: TokenRules = {
  audience: [],
  issuer: [],
  requiredClaims: ['exp'],
  algorithms: ['HS256'],
  types: ['JWT'],
  clockToleranceMs: 0,
  maxLifeMs: undefined,
  maxBytes: 32_768,
};

async function verify(claims: Record<string, unknown>, readUser: ReadUser) {
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(secret);
  return createTokenVerifier({ secrets: [secret], remoteKeys: undefined }, rules, readUser)(token);
}

/** A function of an application in JavaScript, which no compiler has checked. */
function reader(userOf: (claims: Readonly<Record<string, unknown>>) => unknown, failures: unknown[] = []) {
  return userOfApplication(userOf as never, (error) => failures.push(error));
}

describe('a user of an application', () => {
  it('the fields of the application are kept, and the name and the rooms have defaults', async () => {
    const read = reader(({ user_id, role }) => ({ id: user_id, role }));
    const verified = await verify({ user_id: '7', role: 'agent', rooms: ['user:*'] }, read);
    expect(verified).toMatchObject({
      ok: true,
      token: {
        user: {
          userId: '7',
          name: '7',
          rooms: ['user:*'],
          appUser: { id: '7', name: '7', rooms: ['user:*'], role: 'agent' },
        },
      },
    });
  });

  it('the rooms that the function returns count instead of the claim', async () => {
    const read = reader(() => ({ id: 'ana', name: 'Ana', rooms: ['lobby'] }));
    const verified = await verify({ sub: 'bob', name: 'Bob', rooms: ['*'] }, read);
    expect(verified).toMatchObject({ token: { user: { userId: 'ana', name: 'Ana', rooms: ['lobby'] } } });
  });

  it.each<[string, unknown, RegExp]>([
    ['no user', undefined, /returned no user/],
    ['null', null, /returned no user/],
    ['a promise', Promise.resolve({ id: 'ana' }), /promise/],
    ['a number as ID', { id: 7 }, /id that cannot be a user ID/],
    ['the reserved ID', { id: 'me' }, /id that cannot be a user ID/],
    ['a name that is not a string', { id: 'ana', name: 7 }, /name that is not a string/],
    ['rooms that are not a list', { id: 'ana', rooms: '*' }, /rooms that are not a list/],
  ])('a token is refused when the function returns %s', async (_, value, detail) => {
    const verified = await verify(
      { sub: 'ana' },
      reader(() => value),
    );
    expect(verified).toMatchObject({ ok: false, refusal: 'user', detail: expect.stringMatching(detail) });
  });

  it('a function that throws, or returns something without JSON, refuses nobody', async () => {
    const failures: unknown[] = [];
    const broken = new Error('no directory');
    const throwing = reader(() => {
      throw broken;
    }, failures);
    const circular: Record<string, unknown> = { id: 'ana' };
    circular['self'] = circular;
    for (const read of [throwing, reader(() => circular, failures)])
      expect(await verify({ sub: 'ana' }, read)).toMatchObject({
        refusal: 'user_unavailable',
        retryAfterMs: expect.any(Number),
      });
    expect(failures).toEqual([broken, expect.any(TypeError)]);
  });
});

describe('a user of the standard claims', () => {
  it('a claim `rooms` that is not a list of strings refuses the token only if the claim decides', () => {
    const claims = { sub: 'ana', rooms: [{ id: 1 }] };
    expect(userOfStandardClaims(claims)).toMatchObject({ refusal: 'rooms' });
    expect(userWithoutRooms(claims)).toMatchObject({ user: { userId: 'ana', rooms: [] } });
  });

  it.each([{ sub: 'ana' }, { sub: 'ana', rooms: null }])(
    'a token with the claims %j has no rooms',
    (claims) => {
      expect(userOfStandardClaims(claims)).toEqual({ user: { userId: 'ana', name: 'ana', rooms: [] } });
    },
  );
});

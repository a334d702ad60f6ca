// Verifies a JSON Web Token and reads its user. jose checks the signature and the times. This file checks the claims.
import { errors, type JWTPayload, jwtVerify } from 'jose';
import { KeysUnavailable, type RemoteKeys } from './remote-keys.js';

/** The user of a connection. */
export interface User {
  /** The user's ID: the claim `sub`. */
  readonly userId: string;
  /** The user's display name: the claim `name`, or the claim `sub` if the token has no `name`. */
  readonly name: string;
  /** The rooms that the user may enter: the claim `rooms`. An ID with a trailing `*` is a prefix. */
  readonly rooms: readonly string[];
}

/** A verified token. */
export interface VerifiedToken {
  readonly user: User;
  /** The time at which the token expires, in milliseconds since 1970: the claim `exp`. `undefined` if it does not expire. */
  readonly expiresAtMs: number | undefined;
}

/** Reason why a token was refused. It may be logged, but is never sent to the client. */
export type TokenRefusal = 'missing' | 'expired' | 'invalid' | 'claims';

/** Outcome of a verification. `keys_unavailable` is not a refusal: the token may be valid, and the client should try again. */
export type TokenVerification =
  | { readonly ok: true; readonly token: VerifiedToken }
  | { readonly ok: false; readonly refusal: TokenRefusal }
  | { readonly ok: false; readonly refusal: 'keys_unavailable'; readonly retryAfterMs: number };

/** Verifies one token. Never throws. */
export type TokenVerifier = (token: string | null) => Promise<TokenVerification>;

// Allows for small differences between the clocks of issuer and gateway.
const clockToleranceSeconds = 5;

/** The source of the keys that verify tokens: a shared secret or a key server. */
export type TokenKeys = { readonly jwtSecret: string } | { readonly remoteKeys: Pick<RemoteKeys, 'keyOf'> };

/** Creates a verifier for HS256 tokens of a shared secret, or for tokens signed by a key set's asymmetric keys. */
export function createTokenVerifier(keys: TokenKeys): TokenVerifier {
  const verify = createSignatureCheck(keys);
  return async (token) => {
    if (token === null || token === '') return { ok: false, refusal: 'missing' };
    try {
      return readClaims(await verify(token));
    } catch (error) {
      return failureOf(error);
    }
  };
}

function createSignatureCheck(keys: TokenKeys): (token: string) => Promise<JWTPayload> {
  // The gateway fixes the algorithms, so that a token can choose neither `none` nor HMAC with a public key as its secret.
  if ('jwtSecret' in keys) {
    const secret = new TextEncoder().encode(keys.jwtSecret);
    return async (token) =>
      (await jwtVerify(token, secret, { algorithms: ['HS256'], clockTolerance: clockToleranceSeconds }))
        .payload;
  }
  const { remoteKeys } = keys;
  const algorithms = [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
  ];
  return async (token) =>
    (
      await jwtVerify(token, (header, jws) => remoteKeys.keyOf(header, jws), {
        algorithms,
        clockTolerance: clockToleranceSeconds,
      })
    ).payload;
}

function readClaims(payload: JWTPayload): TokenVerification {
  const { sub, exp } = payload;
  const name = payload['name'];
  const rooms = payload['rooms'] ?? [];
  if (typeof sub !== 'string' || !isUsableUserId(sub)) return { ok: false, refusal: 'claims' };
  if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === 'string'))
    return { ok: false, refusal: 'claims' };
  return {
    ok: true,
    token: {
      user: { userId: sub, name: typeof name === 'string' && name !== '' ? name : sub, rooms },
      expiresAtMs: exp === undefined ? undefined : exp * 1000,
    },
  };
}

/** True when a gateway accepts this user ID. `user:<sub>` must be a valid room ID, and `user:me` is reserved as an alias. */
export function isUsableUserId(sub: string): boolean {
  return sub !== '' && sub !== 'me' && Buffer.byteLength(sub) <= 200 && !/[\p{Cc}\p{Cs}]/u.test(sub);
}

// Time after which to try again if a key of the server cannot be read. The token may be valid.
const unreadableRetryMs = 5_000;

function failureOf(error: unknown): TokenVerification {
  if (error instanceof errors.JWTExpired) return { ok: false, refusal: 'expired' };
  if (error instanceof errors.JOSEError) return { ok: false, refusal: 'invalid' };
  const retryAfterMs = error instanceof KeysUnavailable ? error.retryAfterMs : unreadableRetryMs;
  return { ok: false, refusal: 'keys_unavailable', retryAfterMs };
}

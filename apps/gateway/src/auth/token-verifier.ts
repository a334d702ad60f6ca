// Verifies a JSON Web Token and reads its user. jose checks signature, times, audience and issuer. This file chooses the key and reads
// the claims of the user.
import { messageOf } from '@millrace/internal';
import {
  type CryptoKey,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose';
import type { AppUser } from '../access/app-access.js';
import { type ReadUser, userOfStandardClaims } from '../access/user-of-claims.js';
import { KeysUnavailable, type RemoteKeys } from './remote-keys.js';
import {
  checkHeader,
  checkLife,
  type Refused,
  SECRET_ALGORITHMS,
  type TokenRefusal,
  type TokenRules,
} from './token-rules.js';

/** The user of a connection. */
export interface User {
  /** The claim `sub`, unless the application names the user. */
  readonly userId: string;
  /** The display name: the claim `name`, or the claim `sub` if the token has no `name`. */
  readonly name: string;
  /** The claim `rooms`: room IDs. A trailing `*` makes a prefix. */
  readonly rooms: readonly string[];
  /** The user as the application's `userOf` returned it. */
  readonly appUser?: AppUser;
  /** The claim `iat` in milliseconds since 1970, or 0 if the token has none. `undefined` for a client without a token. */
  readonly issuedAtMs?: number;
  /** True for a client of development mode without a user name. Its user ID is new for each connection. */
  readonly isAnonymous?: boolean;
}

/** A verified token. */
export interface VerifiedToken {
  readonly user: User;
  /** The claim `exp`, in milliseconds since 1970. */
  readonly expiresAtMs: number | undefined;
}

/**
 * Outcome of a verification. `keys_unavailable` is not a refusal: the token may be valid, and the client should try again. It
 * has no `reason` if the key server is unavailable, because `RemoteKeys` reports that outage. `user_unavailable` is none either: the
 * application failed to name the user.
 */
export type TokenVerification =
  | { readonly ok: true; readonly token: VerifiedToken }
  | { readonly ok: false; readonly refusal: TokenRefusal; readonly detail: string }
  | {
      readonly ok: false;
      readonly refusal: 'keys_unavailable' | 'user_unavailable';
      readonly retryAfterMs: number;
      readonly reason?: string;
    };

/** Verifies one token. Never throws. */
export type TokenVerifier = (token: string | null) => Promise<TokenVerification>;

/** Sources of the keys. At least one is present. */
export interface TokenKeys {
  /** Secrets of HS256, HS384 and HS512 tokens, which are tried in turn. The list is read again for each token. */
  readonly secrets: readonly Uint8Array[];
  /** Keys of all other algorithms. */
  readonly remoteKeys: Pick<RemoteKeys, 'keyOf'> | undefined;
}

/** Creates a verifier. The algorithm of a token decides whether the secrets or the keys of the key server verify it. */
export function createTokenVerifier(
  keys: TokenKeys,
  rules: TokenRules,
  readUser: ReadUser = userOfStandardClaims,
): TokenVerifier {
  const options = optionsOf(rules);
  return async (token) => {
    if (token === null || token === '') return { ok: false, refusal: 'missing', detail: 'there is no token' };
    if (Buffer.byteLength(token) > rules.maxBytes)
      return { ok: false, refusal: 'too_long', detail: `it has more than ${rules.maxBytes} bytes` };
    const header = headerOf(token);
    if (header === undefined) return { ok: false, ...noToken };
    const refused = checkHeader(header, rules) ?? checkSource(header, keys);
    if (refused !== undefined) return { ok: false, ...refused };
    try {
      const payload = isSecretAlgorithm(header)
        ? await verifyWithAny(token, keys.secrets, options)
        : await verifyWithKeys(token, keys.remoteKeys, options);
      return readClaims(payload, rules, readUser);
    } catch (error) {
      return failureOf(error);
    }
  };
}

const noToken: Refused = { refusal: 'malformed', detail: 'it is not a signed JSON Web Token' };

function headerOf(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    // Any error means that the text is not a token.
    return undefined;
  }
}

const isSecretAlgorithm = ({ alg }: ProtectedHeaderParameters): boolean =>
  SECRET_ALGORITHMS.includes(String(alg));

/** The algorithm of a token decides which keys may verify it. Therefore a token cannot use a public key as an HMAC secret. */
function checkSource(header: ProtectedHeaderParameters, keys: TokenKeys): Refused | undefined {
  const hasSource = isSecretAlgorithm(header) ? keys.secrets.length > 0 : keys.remoteKeys !== undefined;
  if (hasSource) return undefined;
  return { refusal: 'algorithm', detail: 'the gateway has no key of its algorithm' };
}

function optionsOf(rules: TokenRules): JWTVerifyOptions {
  return {
    algorithms: [...rules.algorithms],
    clockTolerance: rules.clockToleranceMs / 1_000,
    requiredClaims: [...rules.requiredClaims],
    ...(rules.audience.length === 0 ? {} : { audience: [...rules.audience] }),
    ...(rules.issuer.length === 0 ? {} : { issuer: [...rules.issuer] }),
  };
}

/** Tries the keys one by one until the signature fits. Throws the error of the last key. */
async function verifyWithAny(
  token: string,
  keys: Iterable<Uint8Array> | AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let failure: unknown;
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      failure = error;
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
    }
  }
  throw failure;
}

async function verifyWithKeys(
  token: string,
  remoteKeys: TokenKeys['remoteKeys'],
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  if (remoteKeys === undefined) throw new TypeError('there is no key server');
  try {
    return (await jwtVerify(token, (header, jws) => remoteKeys.keyOf(header, jws), options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // A token without `kid` may belong to any of several keys.
    return verifyWithAny(token, error, options);
  }
}

function readClaims(payload: JWTPayload, rules: TokenRules, readUser: ReadUser): TokenVerification {
  const { exp, iat = 0 } = payload;
  const refused = checkLife(payload, rules);
  if (refused !== undefined) return { ok: false, ...refused };
  const read = readUser(payload);
  if (read === 'unavailable')
    return { ok: false, refusal: 'user_unavailable', retryAfterMs: unreadableRetryMs };
  if (!('user' in read)) return { ok: false, ...read };
  return {
    ok: true,
    token: {
      user: { ...read.user, issuedAtMs: iat * 1000 },
      expiresAtMs: exp === undefined ? undefined : exp * 1000,
    },
  };
}

// A key that the gateway cannot read may be the right one, so it is unknown whether the token is valid. The result is the
// same as without an answer of the key server.
const unreadableRetryMs = 5_000;

function failureOf(error: unknown): TokenVerification {
  if (error instanceof errors.JOSEError) return { ok: false, ...refusalOf(error) };
  const isAway = error instanceof KeysUnavailable;
  return {
    ok: false,
    refusal: 'keys_unavailable',
    retryAfterMs: isAway ? error.retryAfterMs : unreadableRetryMs,
    ...(isAway ? {} : { reason: messageOf(error) }),
  };
}

const refusalsByClaim: Readonly<Record<string, TokenRefusal>> = {
  aud: 'audience',
  iss: 'issuer',
  nbf: 'not_yet_valid',
};

function refusalOf(error: errors.JOSEError): Refused {
  if (error instanceof errors.JWTExpired) return { refusal: 'expired', detail: 'its exp is in the past' };
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    if (reason === 'missing') return { refusal: 'claim_missing', detail: `it has no ${claim}` };
    const refusal = reason === 'check_failed' ? refusalsByClaim[claim] : undefined;
    return { refusal: refusal ?? 'claim_invalid', detail: `its ${claim} is not accepted` };
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return { refusal: 'signature', detail: 'no key of the gateway has signed it' };
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return { refusal: 'unknown_key', detail: 'the key server has no key for it' };
  return noToken;
}

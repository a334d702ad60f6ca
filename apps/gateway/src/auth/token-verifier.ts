// Verifies a JSON Web Token and reads its user. jose checks signature, times, audience and issuer. This file chooses the key and reads
// the claims of the user.
import {
  type CryptoKey,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose';
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
  /** The claim `sub`. */
  readonly userId: string;
  /** The display name: the claim `name`, or the claim `sub` if the token has no `name`. */
  readonly name: string;
  /** The claim `rooms`: room IDs. A trailing `*` makes a prefix. */
  readonly rooms: readonly string[];
  /** True for a client of development mode that named no user. Its user ID is new for each connection. */
  readonly isAnonymous?: boolean;
}

/** A verified token. */
export interface VerifiedToken {
  readonly user: User;
  /** The claim `exp`, in milliseconds since 1970. */
  readonly expiresAtMs: number | undefined;
}

/**
 * Outcome of a verification. `keys_unavailable` is not a refusal: the token may be valid, and the client
 * should try again. The `reason` is missing if the key server is unavailable, because `RemoteKeys` reports
 * that outage.
 */
export type TokenVerification =
  | { readonly ok: true; readonly token: VerifiedToken }
  | { readonly ok: false; readonly refusal: TokenRefusal; readonly detail: string }
  | {
      readonly ok: false;
      readonly refusal: 'keys_unavailable';
      readonly retryAfterMs: number;
      readonly reason?: string;
    };

/** Verifies one token. Never throws. */
export type TokenVerifier = (token: string | null) => Promise<TokenVerification>;

/** Sources of the keys. At least one is present. */
export interface TokenKeys {
  /**
   * Secrets of HS256, HS384 and HS512 tokens. These secrets are tried in turn. The list is read again for
   * each token.
   */
  readonly secrets: readonly Uint8Array[];
  /** Keys of all other algorithms. */
  readonly remoteKeys: Pick<RemoteKeys, 'keyOf'> | undefined;
}

/** Creates a verifier. A token is verified with the secrets or with the keys of the key server, depending on its algorithm. */
export function createTokenVerifier(keys: TokenKeys, rules: TokenRules): TokenVerifier {
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
      return readClaims(payload, rules);
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

/**
 * The algorithm of a token determines which keys may verify it. Therefore a token cannot use a public key as
 * an HMAC secret.
 */
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

/** Tries one key after the other until the signature fits. The error of the last key is thrown. */
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

function readClaims(payload: JWTPayload, rules: TokenRules): TokenVerification {
  const { sub, exp } = payload;
  const name = payload['name'];
  const rooms = payload['rooms'] ?? [];
  const refused = checkLife(payload, rules);
  if (refused !== undefined) return { ok: false, ...refused };
  if (typeof sub !== 'string' || !isUsableUserId(sub))
    return { ok: false, refusal: 'sub', detail: 'its sub cannot be a user ID' };
  if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === 'string'))
    return { ok: false, refusal: 'rooms', detail: 'its rooms are not a list of texts' };
  return {
    ok: true,
    token: {
      user: { userId: sub, name: typeof name === 'string' && name !== '' ? name : sub, rooms },
      expiresAtMs: exp === undefined ? undefined : exp * 1000,
    },
  };
}

/** True when a gateway accepts this user ID: `user:<sub>` must be a valid room ID, and `me` is an alias. */
export function isUsableUserId(sub: string): boolean {
  return sub !== '' && sub !== 'me' && Buffer.byteLength(sub) <= 200 && !/[\p{Cc}\p{Cs}]/u.test(sub);
}

// If the gateway cannot read a key of the key server, it does not know whether the token is valid. The result
// is the same as if the key server did not answer.
const unreadableRetryMs = 5_000;

function failureOf(error: unknown): TokenVerification {
  if (error instanceof errors.JOSEError) return { ok: false, ...refusalOf(error) };
  const isAway = error instanceof KeysUnavailable;
  return {
    ok: false,
    refusal: 'keys_unavailable',
    retryAfterMs: isAway ? error.retryAfterMs : unreadableRetryMs,
    ...(isAway ? {} : { reason: error instanceof Error ? error.message : String(error) }),
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

// The rules that a token must follow apart from its signature, and the reasons for a refusal. Pure.
import type { JWTPayload, ProtectedHeaderParameters } from 'jose';

/** Signature algorithms of secrets. */
export const SECRET_ALGORITHMS: readonly string[] = ['HS256', 'HS384', 'HS512'];

/** Signature algorithms of the keys of a key server. */
export const KEY_ALGORITHMS: readonly string[] = [
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

/** All algorithms that can be allowed. `none` is not among them. */
export const TOKEN_ALGORITHMS: readonly string[] = [...SECRET_ALGORITHMS, ...KEY_ALGORITHMS];

/** The rules that a token must follow to be accepted. */
export interface TokenRules {
  /** Accepted values of the claim `aud`. If the list is empty, the claim may have any value or be missing. */
  readonly audience: readonly string[];
  /** Accepted values of the claim `iss`. If the list is empty, the claim may have any value or be missing. */
  readonly issuer: readonly string[];
  /** Claims that a token must have, in addition to `sub`. */
  readonly requiredClaims: readonly string[];
  /** Accepted algorithms. */
  readonly algorithms: readonly string[];
  /**
   * Accepted values of the header `typ`. Case and the prefix `application/` do not matter. A token without `typ` is accepted.
   */
  readonly types: readonly string[];
  readonly clockToleranceMs: number;
  /** Maximum time between the claims `iat` and `exp`. */
  readonly maxLifeMs: number | undefined;
  /** Maximum length of a token. */
  readonly maxBytes: number;
}

/** Reason why a token was refused. Safe to log, but never shown to the client. */
export type TokenRefusal =
  | 'missing'
  | 'too_long'
  | 'malformed'
  | 'algorithm'
  | 'type'
  | 'signature'
  | 'unknown_key'
  | 'expired'
  | 'not_yet_valid'
  | 'audience'
  | 'issuer'
  | 'claim_missing'
  | 'claim_invalid'
  | 'life_too_long'
  | 'sub'
  | 'user'
  | 'rooms'
  | 'signed_out';

/** A refusal, with a description of the fault that repeats no value of the token. */
export interface Refused {
  readonly refusal: TokenRefusal;
  readonly detail: string;
}

/** Checks the header. Returns the refusal, or `undefined` if the header follows the rules. */
export function checkHeader(header: ProtectedHeaderParameters, rules: TokenRules): Refused | undefined {
  const { alg, typ } = header;
  if (typeof alg !== 'string' || !rules.algorithms.includes(alg)) {
    return { refusal: 'algorithm', detail: `its algorithm is not one of ${rules.algorithms.join(', ')}` };
  }
  const isAccepted = typ === undefined || rules.types.some((type) => plainType(type) === plainType(typ));
  return isAccepted
    ? undefined
    : { refusal: 'type', detail: `its typ is not one of ${rules.types.join(', ')}` };
}

/** `typ` is a media type: the prefix `application/` may be missing, and case does not matter (RFC 7515, section 4.1.9). */
function plainType(type: unknown): string | undefined {
  return typeof type === 'string' ? type.toLowerCase().replace(/^application\//, '') : undefined;
}

/** Checks the time between `iat` and `exp`. Returns the refusal, or `undefined` if the claims follow the rule. */
export function checkLife({ iat, exp }: JWTPayload, { maxLifeMs }: TokenRules): Refused | undefined {
  if (maxLifeMs === undefined) return undefined;
  if (iat === undefined || exp === undefined) {
    return {
      refusal: 'claim_missing',
      detail: `it has no ${iat === undefined ? 'iat' : 'exp'}, so its life has no bound`,
    };
  }
  if ((exp - iat) * 1_000 <= maxLifeMs) return undefined;
  return { refusal: 'life_too_long', detail: `it is valid for more than ${maxLifeMs} ms` };
}

// The part of the table of settings about the tokens of clients.
import { TOKEN_ALGORITHMS } from '../auth/token-rules.js';
import { faultOfHttpUrl, faultOfSecret } from './setting-checks.js';
import { flag, list, MAX_PERIOD_MS, milliseconds, text, wholeNumber } from './setting-kinds.js';
import type { SettingRow } from './setting-row.js';

/** The rule for every secret. */
export const secretRule = '32 bytes or more; `openssl rand -hex 32` makes a good one';

/** Settings of tokens: their rules, the keys that sign them, and their expiry. */
export const tokenRows: readonly SettingRow[] = [
  [
    'jwtSecret',
    text({ rule: secretRule, isSecret: true, faultOf: faultOfSecret }),
    'Secret that signs tokens (HS256).',
    'none',
  ],
  [
    'jwtSecrets',
    list({ rule: `each ${secretRule}; separated by commas`, isSecret: true, faultOf: faultOfSecret }),
    'Further secrets whose tokens are accepted, to change the secret without refusing anybody. Secrets with commas come from a file, one per line.',
    'none',
  ],
  [
    'jwksUrl',
    text({
      rule: 'an address that begins with `https://` or `http://`',
      faultOf: (url) => faultOfHttpUrl(url, ['path', 'query']),
    }),
    'Address of the key server: the JSON Web Key Set (JWKS) whose keys sign tokens.',
    'none',
  ],
  [
    'jwksMaxStaleMs',
    milliseconds(),
    'Maximum age of keys that are still used while the key server is unavailable. Without such keys clients are told to come back (503), never refused.',
  ],
  [
    'jwksRefreshMs',
    milliseconds(),
    'Age at which keys are fetched again. Requests use the old keys until the new ones arrive.',
  ],
  [
    'jwtAudience',
    list({ rule: 'texts, separated by commas' }),
    'Accepted values of the claim `aud`. If set, a token for another application is refused.',
    'any',
  ],
  ['jwtIssuer', list({ rule: 'texts, separated by commas' }), 'Accepted values of the claim `iss`.', 'any'],
  [
    'jwtRequiredClaims',
    list({ rule: 'names of claims, separated by commas; `none` for no claim', faultOf: faultOfClaimName }),
    'Claims that a token must have, in addition to `sub`.',
  ],
  [
    'jwtAlgorithms',
    list({ rule: `of ${TOKEN_ALGORITHMS.join(', ')}; separated by commas`, faultOf: faultOfAlgorithm }),
    'Accepted signature algorithms.',
    '`HS256` for secrets; every RS, PS, ES and EdDSA algorithm for keys of the key server',
  ],
  [
    'jwtTypes',
    list({ rule: 'values of the header `typ`, separated by commas', faultOf: faultOfClaimName }),
    'Accepted types of tokens. A token without `typ` is accepted. A logout token (`logout+jwt`) or an ID token of another type is refused.',
  ],
  [
    'jwtClockToleranceMs',
    milliseconds(0, 3_600_000),
    'Difference between the clocks of issuer and gateway that is tolerated.',
  ],
  [
    'jwtMaxLifeMs',
    milliseconds(1_000, MAX_PERIOD_MS),
    'Maximum time between the claims `iat` and `exp`. A token without one of them is refused. Set it to bound how long a stolen token is useful.',
    'none',
  ],
  [
    'closeOnAuthenticationExpiration',
    flag(),
    'Closes a connection when its token expires, over all transports. The client may reconnect, and a refreshed token prevents the close.',
    '0',
  ],
  [
    'revocationKeepMs',
    milliseconds(1_000, MAX_PERIOD_MS),
    'Time for which removals from rooms and sign-outs are kept: the longest lifetime of a token. A token that is valid for longer gives its user access again after this time.',
    '`MILLRACE_JWT_MAX_LIFE_MS`, else 2,592,000,000 (30 days)',
  ],
  [
    'maxTokenBytes',
    wholeNumber({ unit: 'bytes', min: 256, max: 60_000 }),
    'Maximum length of a token. Proxies often allow 8 KiB for all headers, and a UUID in the claim `rooms` takes 52 bytes.',
  ],
];

function faultOfClaimName(name: string): string | undefined {
  return /^[!-~]{1,100}$/.test(name) ? undefined : 'must be 1 to 100 printable ASCII characters';
}

function faultOfAlgorithm(algorithm: string): string | undefined {
  return TOKEN_ALGORITHMS.includes(algorithm) ? undefined : `is not one of ${TOKEN_ALGORITHMS.join(', ')}`;
}

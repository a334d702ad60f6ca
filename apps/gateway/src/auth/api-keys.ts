// Checks the keys that may publish over HTTP. The time of a comparison does not depend on how much of a guess was right.
import { createHash, timingSafeEqual } from 'node:crypto';

/** Returns true when the presented key is one of the configured ones. */
export type ApiKeyCheck = (presented: string | undefined) => boolean;

/** Creates the check. It keeps SHA-256 digests of the keys, so that all comparisons have one length. */
export function createApiKeyCheck(keys: readonly string[]): ApiKeyCheck {
  const digests = keys.map(digestOf);
  return (presented) => {
    if (presented === undefined) return false;
    const digest = digestOf(presented);
    // No early exit: every configured key is compared.
    return digests.reduce((isKnown, known) => timingSafeEqual(known, digest) || isKnown, false);
  };
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

// Keys that may publish over HTTP, compared without telling by the time how much of a guess was right.
import { createHash, timingSafeEqual } from 'node:crypto';

/** Says whether a presented key is one of the configured ones. */
export type ApiKeyCheck = (presented: string | undefined) => boolean;

/** Creates the check. Keys are held as SHA-256 digests, which also gives all comparisons one length. */
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

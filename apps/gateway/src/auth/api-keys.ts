// Checks the API keys for publishing over HTTP. A comparison takes the same time however much of a guessed key is right.
import { createHash, timingSafeEqual } from 'node:crypto';

/** Returns true when the presented key is one of the configured ones. */
export type ApiKeyCheck = (presented: string | undefined) => boolean;

/** Creates the check. It compares SHA-256 digests of the keys, because `timingSafeEqual` needs inputs of equal length. */
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

// The rule for the prefix of all keys of a deployment. Pure.
import type { OptionRule } from '@millrace/internal';
import { BrokerError } from '../errors.js';

const MAX_PREFIX_BYTES = 100;

/**
 * The rule. The empty prefix is valid.
 * - Braces would be the hash tag of every key, and a cluster would keep everything on one node.
 * - `*`, `?`, `[`, `]` and `\` have a meaning in the patterns of ACLs and of SCAN. Spaces end a pattern of an ACL.
 * - With `coalesce:`, a stream could have the key of another deployment's window.
 */
export const KEY_PREFIX_RULE: OptionRule = {
  mustBe: `at most ${MAX_PREFIX_BYTES} bytes without braces, spaces, control characters, coalesce: and * ? [ ] \\, as acme: is`,
  isMet: (prefix) =>
    typeof prefix === 'string' &&
    Buffer.from(prefix).toString() === prefix &&
    Buffer.byteLength(prefix) <= MAX_PREFIX_BYTES &&
    !/[\p{Cc}\s{}*?[\]\\]|coalesce:/u.test(prefix),
};

/** Checks a prefix of keys. @throws BrokerError `invalid_argument` @beta */
export function checkRedisKeyPrefix(prefix: string): void {
  if (KEY_PREFIX_RULE.isMet(prefix)) return;
  throw new BrokerError('invalid_argument', `keyPrefix must be ${KEY_PREFIX_RULE.mustBe}`);
}

// Scripts and functions for streams that another system owns (`retention: 'observe'`). Nothing is removed from such a stream, and
// every other key that belongs to it has a limited lifetime.
import { defineScript } from './script.js';

/**
 * Lifetime of the keys that belong to a stream of another system: seven days after the last gateway or publisher has used the
 * stream. They then leave nothing behind but the consumer group.
 */
export const OBSERVED_KEYS_MS = 604_800_000;

/** `limitLife(lifeMs, …)` gives each key without a TTL this lifetime. Does nothing for '0': the keys of our own streams stay. */
export const lifeFunctions = `
local function limitLife(lifeMs, ...)
  if lifeMs == '0' then return end
  for _, key in ipairs({ ... }) do redis.call('PEXPIRE', key, lifeMs, 'NX') end
end
`;

/**
 * KEYS: observed, then other keys of the stream. ARGV: lifetime in ms. Marks the stream as owned by another system, and renews the
 * lifetime of the keys.
 *
 * A process whose catalog does not say so finds the mark before it would remove an entry. It looks for the mark only then, so
 * that a publisher pays nothing for it.
 */
export const observeScript = defineScript(
  'observe',
  [
    `
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
for i = 2, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
return 1
`,
  ],
  { isAllowedWhenFull: true },
);

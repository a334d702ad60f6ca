// Records which subscriber reads the streams of other programs, and how far it has read them.
import { defineScript } from './script.js';

/** KEYS: collector, collected. ARGV: owner, leaseMs. Keeps the cursors from expiring. Returns 1 if the owner has the right to read from now on, 0 if another one has it. */
export const holdSourcesScript = defineScript(
  'holdSources',
  [
    `
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[2], 2592000000)
return 1
`,
  ],
  { isAllowedWhenFull: true },
);

/** KEYS: collector. ARGV: owner. Gives the right back if this owner has it. */
export const releaseSourcesScript = defineScript(
  'releaseSources',
  [
    `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: collector, collected. ARGV: owner, number of streams that no longer exist, these streams, then stream and cursor in turn.
 * Returns 0 and changes nothing if another owner has the right to read. The field `*`, which is not the name of a stream, records that
 * the streams were read at least once.
 */
export const saveCursorsScript = defineScript(
  'saveCursors',
  [
    `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local gone = tonumber(ARGV[2])
for i = 3, 2 + gone do redis.call('HDEL', KEYS[2], ARGV[i]) end
for i = 3 + gone, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[2], '*', '1')
redis.call('PEXPIRE', KEYS[2], 2592000000)
return 1
`,
  ],
  { isAllowedWhenFull: true },
);

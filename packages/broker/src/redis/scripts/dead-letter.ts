// Keeps a rejected entry as a dead letter, once.
import { defineScript } from './script.js';

/**
 * KEYS: dead, deadmark. ARGV: deadMarkMs, maximum length, origin ID, reason, rejected by, fields as JSON, `0` when these
 * are not exactly the fields of the entry.
 * Returns 1, or 0 when the entry had been rejected before, by any subscriber. The mark is set after the dead letter is stored: where it cannot be
 * stored, the next subscriber that reads the entry tries again.
 */
export const deadLetterScript = defineScript(
  'deadLetter',
  [
    `
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local record = { 'origin_id', ARGV[3], 'reason', ARGV[4], 'rejected_by', ARGV[5], 'fields', ARGV[6] }
if ARGV[7] == '0' then record[9], record[10] = 'is_utf8', '0' end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(record))
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[1])
return 1
`,
  ],
  { isAllowedWhenFull: false },
);

// Stores a rejected entry as a dead letter, once per entry.
import { lifeFunctions } from './observe.js';
import { defineScript } from './script.js';

/**
 * KEYS: dead, deadmark, erasing. ARGV: deadMarkMs, maximum number of dead letters, ID of the entry, reason, subscriber that rejected
 * it, fields as JSON, `1` if the JSON has exactly the fields of the entry, otherwise `0`, then the lifetime of the dead letters in ms
 * or '0' for no limit. Returns 1, or 0 if any subscriber has rejected the entry before, or if the entry is erased.
 *
 * A subscriber that reads an erased entry late must not bring its content back. Only control entries that are newer than the entry
 * can have erased it, so a new entry costs no search. The mark is set after the dead letter is stored. If storing fails, the next
 * subscriber that reads the entry therefore tries again.
 */
export const deadLetterScript = defineScript(
  'deadLetter',
  [
    lifeFunctions,
    `
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
for _, member in ipairs(redis.pcall('ZRANGEBYSCORE', KEYS[3], string.match(ARGV[3], '^%d+'), '+inf')) do
  if string.match(member, '|(.*)$') == ARGV[3] then return 0 end
end
local record = { 'origin_id', ARGV[3], 'reason', ARGV[4], 'rejected_by', ARGV[5], 'fields', ARGV[6] }
if ARGV[7] == '0' then record[9], record[10] = 'is_utf8', '0' end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(record))
limitLife(ARGV[8], KEYS[1])
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[1])
return 1
`,
  ],
  { isAllowedWhenFull: false },
);

// Appends a dead letter's entry to its stream again.
import { defineScript } from './script.js';

/**
 * KEYS: stream, dead. ARGV: ID of the dead letter, then the entry's field arguments (name, value, …). Returns the ID of the
 * new entry, or null if the dead letter does not exist.
 *
 * The caller has read the fields from the dead letter. They never change, so the script only checks that the dead letter
 * still exists. XADD comes before XDEL, so that the dead letter stays if XADD fails.
 */
export const requeueDeadLetterScript = defineScript(
  'requeueDeadLetter',
  [
    `
if #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then return false end
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('XDEL', KEYS[2], ARGV[1])
return id
`,
  ],
  { isAllowedWhenFull: false },
);

// A count that expires; see `counters.ts`.
import { defineScript } from './script.js';
import { clockFunctions } from './snippets.js';

/**
 * KEYS: the count. ARGV: how long ago it began in ms, keepMs. The value is `count|milliseconds of the last one`; fields of a later build
 * behind these are kept out of it by the count itself, which is written anew. Returns the count.
 */
export const countScript = defineScript(
  'count',
  [
    clockFunctions,
    `
local now = readClock()
local count, last = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)|(%d+)')
if count and now - tonumber(ARGV[1]) < tonumber(last) then return tonumber(count) end
count = tonumber(count or '0') + 1
redis.call('SET', KEYS[1], count .. '|' .. msText(now), 'PX', ARGV[2])
return count
`,
  ],
  { isAllowedWhenFull: false },
);

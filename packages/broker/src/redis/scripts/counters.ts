// The script of counts that expire; see `port/counters.ts`.
import { defineScript } from './script.js';
import { clockFunctions } from './snippets.js';

/**
 * KEYS: the counter. ARGV: ms since the occurrence began, keepMs. Returns the count. An occurrence that began before the last
 * increment is ignored. The value has the form `count|time of the last increment in ms`. An increment rewrites the value
 * without the fields of a later build.
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

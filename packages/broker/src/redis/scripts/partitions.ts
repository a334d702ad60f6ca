// Stores and returns the number of partitions of a stream.
import { defineScript } from './script.js';

/**
 * KEYS: partitions. ARGV: wanted number, or 0 to store nothing. Returns the stored number, or 0 if none is stored. The first wanted
 * number is stored and never changes.
 */
export const partitionsScript = defineScript(
  'partitions',
  [
    `
local stored = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
local wanted = tonumber(ARGV[1])
if stored == 0 and wanted > 0 then
  redis.call('SET', KEYS[1], ARGV[1])
  stored = wanted
end
return stored
`,
  ],
  { isAllowedWhenFull: true },
);

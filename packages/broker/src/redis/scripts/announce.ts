// Stores and lists the names that live subscribers announce. An announcement expires unless it is repeated.
import { repairFunction } from './repair.js';
import { defineScript } from './script.js';
import { clockFunctions } from './snippets.js';

/** Removes KEYS[1] if it is not a hash. Millrace writes only a hash there. */
const replaceForeign = `${repairFunction}
local failure = repaired(KEYS[1], 'hash')
if failure then return failure end
`;

/**
 * KEYS: the key of the announced names. ARGV: subscriber, lifetime in ms, maximum number of subscribers, names as JSON or ''
 * to withdraw them. A value has the form `expiresMs|length of the names|names`. The script removes expired values. It stores
 * no new subscriber above the maximum.
 */
export const announceScript = defineScript(
  'announce',
  [
    clockFunctions,
    replaceForeign,
    `
local member, lifetimeMs, most, names = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local now = (readClock())
redis.call('HDEL', KEYS[1], member)
local all = redis.call('HGETALL', KEYS[1])
local left = 0
for i = 1, #all, 2 do
  if (leadingNumber(all[i + 1]) or 0) <= now then redis.call('HDEL', KEYS[1], all[i]) else left = left + 1 end
end
if names == '' or left >= most then return 0 end
redis.call('HSET', KEYS[1], member, msText(now + lifetimeMs) .. '|' .. #names .. '|' .. names)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`,
  ],
  { isAllowedWhenFull: true },
);

/** KEYS: the key of the announced names. Returns one JSON text per live subscriber: the names that it has announced. */
export const announcedScript = defineScript(
  'announced',
  [
    clockFunctions,
    replaceForeign,
    `
local now, reply = (readClock()), {}
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do
  local expires, length, rest = string.match(value, '^(%d+)|(%d+)|(.*)$')
  if expires and tonumber(expires) > now then reply[#reply + 1] = string.sub(rest, 1, tonumber(length)) end
end
return reply
`,
  ],
  { isAllowedWhenFull: true },
);

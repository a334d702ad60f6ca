// Appends a batch of entries, each once per dedupe ID.

import { defineScript } from './script.js';
import { clockFunctions, expireFunctions, floorFunctions, idFunctions, infoFunctions } from './snippets.js';

/**
 * KEYS: stream, expired, then one dedupe key for each entry that has one, in order.
 * ARGV: group, hard cap, most entries to cut, dedupe window in ms, then per entry: `1` if it has a dedupe key else
 * `0`, the number of its field arguments, and these (name, value, …).
 *
 * Returns two elements per entry: its ID and `1` when it was there already. When the store refuses an entry the
 * reply ends with an error text as an odd last element; later entries were not tried, so that order holds.
 *
 * XADD comes before SET: should the script end between the two, the entry is there and may be repeated, instead of
 * being remembered without being there. The stream is cut to the hard cap here too, so it stays bounded when no
 * gateway runs. Refused as a whole when Redis is out of memory.
 */
export const publishScript = defineScript(
  'publish',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    floorFunctions,
    expireFunctions,
    `
local stream, expired, group = KEYS[1], KEYS[2], ARGV[1]
local hardCap, limit, windowMs = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local known = {}
if #KEYS > 2 then
  local ids = redis.call('MGET', unpack(KEYS, 3))
  for i = 1, #ids do
    if ids[i] then known[KEYS[i + 2]] = ids[i] end
  end
end
local reply, at, keyAt = {}, 5, 3
while at <= #ARGV do
  local fieldsFrom, key = at + 2, nil
  local fieldsTo = at + 1 + tonumber(ARGV[at + 1])
  if ARGV[at] == '1' then
    key = KEYS[keyAt]
    keyAt = keyAt + 1
  end
  local id = key and known[key]
  if id then
    reply[#reply + 1] = id
    reply[#reply + 1] = 1
  else
    id = redis.pcall('XADD', stream, '*', unpack(ARGV, fieldsFrom, fieldsTo))
    if type(id) == 'table' and id.err then
      reply[#reply + 1] = id.err
      return reply
    end
    if key then
      known[key] = id
      redis.call('SET', key, id, 'PX', windowMs)
    end
    reply[#reply + 1] = id
    reply[#reply + 1] = 0
  end
  at = fieldsTo + 1
end
expireBeyond(stream, expired, group, hardCap, limit)
return reply
`,
  ],
  { isAllowedWhenFull: false },
);

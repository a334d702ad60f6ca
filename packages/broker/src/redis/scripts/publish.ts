// Appends a batch of entries, each once per dedupe ID. Records in coalescing windows which inputs the entries end.
import { defineScript } from './script.js';
import {
  clockFunctions,
  endingFunctions,
  expireFunctions,
  floorFunctions,
  idFunctions,
  infoFunctions,
} from './snippets.js';

/**
 * Functions that most calls do not need. Lua creates a closure for each `local function` that it reaches. Therefore the two
 * functions below create the snippets' functions, and are called only when needed.
 */
const rareFunctions = `
local function endInputsOf(window, key, text, id)
  ${clockFunctions}
  ${endingFunctions}
  return endInputs(window, key, text, id, id)
end
local function trimToCap(stream, expired, byGroup, group, hardCap, limit)
  ${idFunctions}
  ${infoFunctions}
  ${floorFunctions}
  ${expireFunctions}
  return expireBeyond(stream, expired, byGroup, group, hardCap, limit)
end
`;

/**
 * KEYS: stream, expired, then the dedupe keys of the entries that have one, then the windows of the entries that end inputs,
 * then expiredByGroup and observed. The dedupe keys and the windows are in the order of the entries. ARGV: group, hard cap or 0
 * for none, maximum number of entries to remove, dedupe window in ms, number of dedupe keys, 1 if the dedupe keys are looked up first and 0 if all of
 * them are new, then the arguments of each entry:
 * - a sum: 1 if the entry has a dedupe key, plus 2 if it has an ending
 * - the number of its field arguments, then these arguments (name, value, …)
 * - key and text of its ending, if it has one
 *
 * Returns two elements per entry: its ID, and `1` if it is a duplicate, otherwise `0`. If the store refuses an entry, an
 * error text follows as an odd last element. Later entries are not tried, so that the order is kept.
 *
 * XADD comes before SET. A script that ends between the two leaves an entry that may be appended again. In the other order,
 * it could leave a dedupe ID without its entry. The script also trims the stream to the hard cap, so that the stream stays
 * bounded while no gateway runs, unless another system owns it. Redis refuses the whole script when it is out of memory.
 */
export const publishScript = defineScript(
  'publish',
  [
    rareFunctions,
    `
local stream, expired, group = KEYS[1], KEYS[2], ARGV[1]
local hardCap, limit, windowMs, dedupes = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local known = {}
if ARGV[6] == '1' then
  local ids = redis.call('MGET', unpack(KEYS, 3, 2 + dedupes))
  for i = 1, #ids do
    if ids[i] then known[KEYS[i + 2]] = ids[i] end
  end
end
local reply, at, keyAt, windowAt = {}, 7, 3, 3 + dedupes
while at <= #ARGV do
  local kind, fieldsFrom, key, window = tonumber(ARGV[at]), at + 2, nil, nil
  local fieldsTo = at + 1 + tonumber(ARGV[at + 1])
  if kind % 2 == 1 then
    key = KEYS[keyAt]
    keyAt = keyAt + 1
  end
  if kind >= 2 then
    window = KEYS[windowAt]
    windowAt = windowAt + 1
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
    if window and redis.call('EXISTS', window) == 1 then
      endInputsOf(window, ARGV[fieldsTo + 1], ARGV[fieldsTo + 2], id)
    end
    reply[#reply + 1] = id
    reply[#reply + 1] = 0
  end
  at = fieldsTo + 1
  if window then at = at + 2 end
end
if hardCap > 0 and redis.call('XLEN', stream) > hardCap and redis.call('EXISTS', KEYS[#KEYS]) == 0 then
  trimToCap(stream, expired, KEYS[#KEYS - 1], group, hardCap, limit)
end
return reply
`,
  ],
  { isAllowedWhenFull: false },
);

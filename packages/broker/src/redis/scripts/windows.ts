// Coalescing windows. Each slot of a room has one HASH, so that every step is one script on one key. The
// fields of the HASH:
//   d due time (ms) · n number of inputs · b their bytes           while Pending
//   i<id> `<number>.<as of> <text>`                                an input; <as of> is an entry ID as milliseconds and 20 digits
//   e<key> `<ms> <forgetAtMs> {…,"id":…,"at":…}`                   the ending of a key's inputs
//   m number of endings
//   f inputs · g endings · a since (ms) · t token · l lease end    while Flushing
// The first build reads `<number>.<as of>` as one number, and only `key` and `timestamp` of an ending. The
// first build writes inputs without `<as of>`, and endings without `id` and `at` in their text. Later builds
// may add other fields, text without whitespace after a number (as in `3.1,more `), and properties of a JSON
// text. This build ignores all of them. A field that does not look like an input or an ending stays where it
// is. KEYS[2] is the index of open windows, a sorted set by due time. This key is passed only if the window's
// server also has the index.
import { defineScript } from './script.js';
import { clockFunctions, endingFunctions, idFunctions } from './snippets.js';

/**
 * `asOfNow(stream)` returns the ID that an entry of the stream would get now, even if IDs are ahead of the clock. It reads only
 * entries from this millisecond or later. Without a stream, it returns the time, with the microseconds as the sequence number.
 */
const asOfFunctions = `
local function asOfNow(stream)
  local now, _, micros = readClock()
  local first = msText(now) .. '-0'
  if not stream then return msText(now) .. '-' .. micros % 1000 end
  local found = redis.pcall('XREVRANGE', stream, '+', first, 'COUNT', 1)
  if found.err or #found == 0 then return first end
  return idNext(found[1][1])
end
local function idDigits(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return ms .. string.rep('0', 20 - #seq) .. seq
end
`;

/**
 * KEYS: window, then index and stream if they are on the same server. ARGV: member in the index, duration of the window in
 * ms, maximum number of inputs, maximum number of bytes, lifetime of the key in ms, then ID and text of each input. Returns:
 * - 1 if the window was opened by this call or has been overdue for a second, otherwise 0
 * - the ms until the window is due
 * - for each input: 1 (added), 0 (repeat) or -1 (full)
 *
 * The index is written before the window. Therefore nothing has changed if the index's key has another type.
 */
export const windowAddScript = defineScript(
  'windowAdd',
  [
    idFunctions,
    clockFunctions,
    asOfFunctions,
    `
local key, now, asOf = KEYS[1], (readClock()), '.' .. idDigits(asOfNow(KEYS[3])) .. ' '
local state = redis.call('HMGET', key, 'd', 'n', 'b')
local due, n, bytes, opened = leadingNumber(state[1]), leadingNumber(state[2]) or 0, leadingNumber(state[3]) or 0, 0
if not due then
  due, n, bytes, opened = now + tonumber(ARGV[2]), 0, 0, 1
elseif due < now - 1000 then
  -- No process flushes the window: it is not in the index, or its owner has just died. The window is indexed as due now,
  -- because members that are overdue for too long are dropped from the index.
  due, opened = now, 1
end
if opened == 1 and KEYS[2] then
  redis.call('ZADD', KEYS[2], msText(due), ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
local maxInputs, maxBytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local reply = { opened, math.max(0, due - now) }
for at = 6, #ARGV, 2 do
  local outcome
  if n >= maxInputs or bytes >= maxBytes then
    outcome = redis.call('HEXISTS', key, 'i' .. ARGV[at]) == 1 and 0 or -1
  else
    outcome = redis.call('HSETNX', key, 'i' .. ARGV[at], (n + 1) .. asOf .. ARGV[at + 1])
    if outcome == 1 then
      n, bytes = n + 1, bytes + #ARGV[at + 1]
    end
  end
  reply[#reply + 1] = outcome
end
redis.call('HSET', key, 'd', msText(due), 'n', n, 'b', bytes)
if opened == 1 then redis.call('PEXPIRE', key, ARGV[5]) end
return reply
`,
  ],
  { isAllowedWhenFull: false },
);

/** Ends the inputs of a key in a window on another server than the entry. KEYS: window. ARGV: key, text, ID of the entry. */
export const windowEndScript = defineScript(
  'windowEnd',
  [
    clockFunctions,
    asOfFunctions,
    endingFunctions,
    `
endInputs(KEYS[1], ARGV[1], ARGV[2], ARGV[3], asOfNow())
return 1
`,
  ],
  { isAllowedWhenFull: false },
);

/**
 * KEYS: window, then index if it is on the same server. ARGV: member in the index, token, lease in ms, `1` to claim a window before
 * it is due. Returns one of:
 * - `idle`
 * - `waiting` or `busy`, and the ms that are left
 * - `claimed`, the inputs (number and text, one per line, unordered), the endings (one per line), and the ms since the first claim
 *   of these inputs
 */
export const windowClaimScript = defineScript(
  'windowClaim',
  [
    clockFunctions,
    `
local key, now = KEYS[1], (readClock())
local state = redis.call('HMGET', key, 'd', 'f', 'g', 'a', 't', 'l')
local due, inputs, endings, since = leadingNumber(state[1]), state[2], state[3], leadingNumber(state[4]) or now
if not inputs then
  if not due then
    if KEYS[2] then redis.call('ZREM', KEYS[2], ARGV[1]) end
    return { 'idle' }
  end
  if due > now and ARGV[4] ~= '1' then return { 'waiting', due - now } end
  local all, taken, ended, over = redis.call('HGETALL', key), {}, {}, { 'd', 'n', 'b', 'm' }
  for i = 1, #all, 2 do
    local kind = string.byte(all[i])
    if kind == 105 and string.find(all[i + 1], '^%d+%S* ') then
      taken[#taken + 1] = all[i + 1]
      over[#over + 1] = all[i]
    elseif kind == 101 then
      local text = string.match(all[i + 1], '^[^%s,]+%S* %d+%S* (.*)$')
      if text then
        ended[#ended + 1] = text
        over[#over + 1] = all[i]
      end
    end
  end
  redis.call('HDEL', key, unpack(over))
  inputs, endings, since = table.concat(taken, '\\n'), table.concat(ended, '\\n'), now
  redis.call('HSET', key, 'f', inputs, 'g', endings, 'a', msText(now))
elseif state[5] ~= ARGV[2] and (leadingNumber(state[6]) or 0) > now then
  return { 'busy', leadingNumber(state[6]) - now }
end
redis.call('HSET', key, 't', ARGV[2], 'l', msText(now + tonumber(ARGV[3])))
return { 'claimed', inputs, endings or '', math.max(0, now - since) }
`,
  ],
  // Redis allows this script when it is full, because a claim is the first step to remove the window's data.
  { isAllowedWhenFull: true },
);

/** KEYS: window. ARGV: token, lease in ms. Returns 1, or 0 if the claim was lost. */
export const windowRenewScript = defineScript(
  'windowRenew',
  [
    clockFunctions,
    `
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'l', msText((readClock()) + tonumber(ARGV[2])))
return 1
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: window, then index if it is on the same server. ARGV: member in the index, token, lifetime of unknown fields in ms. Returns
 * 1, or 0 if the claim was lost. Redis removes the key with its last field. Fields of a later build expire after their lifetime.
 */
export const windowCommitScript = defineScript(
  'windowCommit',
  [
    clockFunctions,
    `
local key = KEYS[1]
local state = redis.call('HMGET', key, 't', 'd')
if state[1] ~= ARGV[2] then return 0 end
if not state[2] and KEYS[2] then redis.call('ZREM', KEYS[2], ARGV[1]) end
redis.call('HDEL', key, 'f', 'g', 'a', 't', 'l')
if state[2] then return 1 end
redis.call('PEXPIRE', key, ARGV[3])
return 1
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: index. ARGV: grace period in ms, maximum number of members, lifetime of a window in ms. Returns the members that have been
 * overdue for longer than the grace period, with their scores, the oldest first. Removes members that have been overdue for longer
 * than the lifetime, because their windows have expired.
 */
export const windowOverdueScript = defineScript(
  'windowOverdue',
  [
    clockFunctions,
    `
local now = (readClock())
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', msText(now - tonumber(ARGV[1])), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
if #found > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', msText(now - tonumber(ARGV[3]))) end
return found
`,
  ],
  { isAllowedWhenFull: true },
);

/** Adds a window to an index on another server. KEYS: index. ARGV: member, ms until the window is due, lifetime of a window in ms. Returns the score. */
export const windowIndexScript = defineScript(
  'windowIndex',
  [
    clockFunctions,
    `
local score = msText((readClock()) + tonumber(ARGV[2]))
redis.call('ZADD', KEYS[1], score, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return score
`,
  ],
  { isAllowedWhenFull: false },
);

/** KEYS: index. ARGV: member, score. Removes the member, unless it was added again with another score. */
export const windowUnindexScript = defineScript(
  'windowUnindex',
  [
    `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: a window or an index. For a window, then its index if that is on the same server. ARGV: type that the first key
 * should have, lifetime of a window in ms, maximum number of fields. Returns the number of keys and fields that were removed.
 *
 * Removes a key of another type, and a hash with more fields than a window ever has, because Millrace has not written them.
 * In a window, also removes times that no build has written, because they could delay the flush for too long.
 */
export const windowHealScript = defineScript(
  'windowHeal',
  [
    clockFunctions,
    `
local key, kind, latest = KEYS[1], ARGV[1], (readClock()) + tonumber(ARGV[2])
local healed = 0
local function removeForeign(found, wanted)
  local actual = redis.call('TYPE', found).ok
  if actual == 'none' or actual == wanted then return end
  healed = healed + redis.call('DEL', found)
end
removeForeign(key, kind)
if KEYS[2] then removeForeign(KEYS[2], 'zset') end
if kind ~= 'hash' or redis.call('EXISTS', key) == 0 then return healed end
if redis.call('HLEN', key) > tonumber(ARGV[3]) then return healed + redis.call('DEL', key) end
for _, field in ipairs({ 'd', 'l' }) do
  local value = redis.call('HGET', key, field)
  if value and (leadingNumber(value) or latest + 1) > latest then healed = healed + redis.call('HDEL', key, field) end
end
return healed
`,
  ],
  { isAllowedWhenFull: true },
);

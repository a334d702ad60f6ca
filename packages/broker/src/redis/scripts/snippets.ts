// Lua functions that several scripts share. IDs are handled as decimal text, as in `entry-id.ts`: Lua's numbers are
// doubles and would round a sequence beyond 2^53.
//
// Values outlive the build that wrote them, and gateways of two builds share one Redis. So a value is read by its leading
// fields, a later build may add fields behind them (`|` and anything), and a hash may have fields that this build does not
// know: neither is ever removed because it is unknown. The owner of a value writes it anew in the form of its own build: a
// subscriber owns its cursor and slot, the holder of a lease or claim owns the values of that.
import { WINDOW_LIMITS } from '../../port/windows.js';

/** `idLess(a, b)`, `idMin(a, b)`, `idNext(id)`; the largest ID there is has none after it and is returned itself. */
export const idFunctions = `
local function digitsLess(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end
local function idLess(a, b)
  local aMs, aSeq = string.match(a, '^(%d+)-(%d+)$')
  local bMs, bSeq = string.match(b, '^(%d+)-(%d+)$')
  if aMs ~= bMs then return digitsLess(aMs, bMs) end
  return digitsLess(aSeq, bSeq)
end
local function idMin(a, b)
  if idLess(b, a) then return b end
  return a
end
local function addOne(digits)
  local i = #digits
  while i > 0 and string.byte(digits, i) == 57 do i = i - 1 end
  local zeros = string.rep('0', #digits - i)
  if i == 0 then return '1' .. zeros end
  return string.sub(digits, 1, i - 1) .. string.char(string.byte(digits, i) + 1) .. zeros
end
local function idNext(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if seq == '18446744073709551615' then
    if ms == seq then return id end
    return addOne(ms) .. '-0'
  end
  return ms .. '-' .. addOne(seq)
end
`;

/** `leadingNumber(text)`, `leadingId(text)`: the beginning of a value, without the fields of a later build behind it; or nil. */
const leadingFunctions = `
local function leadingNumber(text)
  return tonumber((string.match(text or '', '^%d+')))
end
local function leadingId(text)
  return string.match(text or '', '^%d+%-%d+')
end
`;

/** `readClock()` → milliseconds as a number, and seconds and microseconds as Redis gives them. */
export const clockFunctions = `
local function readClock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), time[1], time[2]
end
local function msText(ms)
  return string.format('%.0f', ms)
end
${leadingFunctions}`;

/**
 * `endInputs(window, key, text, id, at)`: notes in a waiting window that the entry `id` ends the inputs of a key that came up to
 * `at`. The text is a JSON object. Whatever stands at the window's key, this does not fail: the entry is appended already.
 */
export const endingFunctions = `
local function endInputs(window, key, text, id, at)
  local state = redis.pcall('HMGET', window, 'd', 'm')
  if state.err or not state[1] then return end
  local field, count = 'e' .. key, leadingNumber(state[2]) or 0
  if count >= ${WINDOW_LIMITS.maxEndings} and redis.call('HEXISTS', window, field) == 0 then return end
  local value = string.match(id, '^%d+') .. ' ' .. msText((readClock()) + 10000) .. ' ' ..
    string.sub(text, 1, -2) .. ',"id":"' .. id .. '","at":"' .. at .. '"}'
  if redis.call('HSET', window, field, value) == 1 then redis.call('HSET', window, 'm', count + 1) end
end
`;

/** `flat(reply)`: a reply of alternating names and values as a table. `findGroup(stream, group)`: its XINFO or nil. */
export const infoFunctions = `
local function flat(reply)
  local result = {}
  for i = 1, #reply, 2 do result[reply[i]] = reply[i + 1] end
  return result
end
local function findGroup(stream, group)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return nil end
  for i = 1, #groups do
    local info = flat(groups[i])
    if info['name'] == group then return info end
  end
  return nil
end
local function readTip(stream)
  local info = redis.pcall('XINFO', 'STREAM', stream)
  if info.err then
    if not string.find(info.err, 'no such key', 1, true) then return info end
    return { lastId = '0-0', added = 0 }
  end
  local fields = flat(info)
  return { lastId = fields['last-generated-id'], added = fields['entries-added'] }
end
`;

/** `groupFloor(stream, info)`: that group acknowledged every entry below it, and no other. */
export const floorFunctions = `
local function groupFloor(stream, info)
  if not info then return '0-0' end
  if info['pending'] > 0 then return redis.call('XPENDING', stream, info['name'])[2] end
  return idNext(info['last-delivered-id'])
end
`;

/**
 * `readCursor(text)` → id, heartbeatMs, advancedMs; nil for a text that no build has written. `eachCursor(cursors, visit)`: calls
 * `visit(subscriber, id, heartbeatMs, advancedMs)`; removes what cannot be read.
 */
export const cursorFunctions = `
local function readCursor(text)
  local id, beat, advanced, more = string.match(text, '^(%d+%-%d+)|(%d+)|(%d+)(.?)')
  if not id or (more ~= '' and more ~= '|') then return nil end
  return id, tonumber(beat), tonumber(advanced)
end
local function eachCursor(cursors, visit)
  local all = redis.call('HGETALL', cursors)
  for i = 1, #all, 2 do
    local id, beatMs, advancedMs = readCursor(all[i + 1])
    if id then visit(all[i], id, beatMs, advancedMs)
    else redis.call('HDEL', cursors, all[i]) end
  end
end
local function cursorText(id, beatMs, advancedMs)
  return id .. '|' .. msText(beatMs) .. '|' .. msText(advancedMs)
end
`;

/**
 * `beatPulse(lease, now, livenessMs)`: notes that the broker is alive, and returns until when subscribers have grace.
 * When the last call of any subscriber is older than half of `livenessMs`, Redis itself stood still (or no subscriber was there):
 * then every heartbeat is old through no fault of its subscriber.
 */
export const pulseFunctions = `
local function beatPulse(lease, now, livenessMs)
  local state = redis.call('HMGET', lease, 'pulseMs', 'graceUntilMs')
  local graceUntil = leadingNumber(state[2]) or 0
  if now - (leadingNumber(state[1]) or 0) > livenessMs / 2 then
    graceUntil = now + livenessMs
    redis.call('HSET', lease, 'pulseMs', msText(now), 'graceUntilMs', msText(graceUntil))
  elseif msText(now) ~= state[1] then
    redis.call('HSET', lease, 'pulseMs', msText(now))
  end
  return graceUntil
end
`;

/**
 * `isGone(stream, newest)`: true when the stream has lost the entry that was its newest a moment ago. Where the group is
 * missing too, the stream was deleted; new entries may already have replaced the old ones.
 */
export const goneFunctions = `
local function isGone(stream, newest)
  newest = leadingId(newest)
  return newest and newest ~= '0-0' and #redis.call('XRANGE', stream, newest, newest) == 0
end
`;

/**
 * `readRun(key, mark, refuted)` → the run of the server, by INFO; where the user may not send INFO (`mark` is not empty), by a marker
 * that the caller has proven to be this run's, see `restart-markers.ts`. Where the record has another marker, which the caller has not
 * refuted: nothing, and the answer that asks about it.
 * `settleEpoch(key, tip, fresh, stream, hasGroup, run)` → the stream's epoch, and its previous epoch where that is known:
 * `{ value, former, upTo }`. It becomes `fresh` when there is none, when the stream went back behind what was seen of
 * it or was deleted and written again, and when another server (or this one, started again) serves the stream: that server may have
 * lost the newest entries. In that case the previous epoch is kept as `former`, valid up to the newest ID of the record: the record
 * was written after those entries and replicated after them, so a server that has the record has the entries.
 * `replaceEpoch(key, tip, fresh, run)`: a new epoch without a previous one.
 */
export const epochFunctions = `
local function readRun(key, mark, refuted)
  if mark == '' then
    return { field = 'runId', id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') }
  end
  local known = redis.call('HGET', key, 'mark') or ''
  if known == mark or (mark ~= '?' and (known == '' or known == refuted)) then return { field = 'mark', id = mark } end
  return nil, { 'which_run', known }
end
local function writeEpoch(key, tip, life, run)
  redis.call('HSETNX', key, 'runId', '')
  redis.call('HSET', key, 'value', life.value, 'lastId', tip.lastId, 'entriesAdded', msText(tip.added),
    run.field, run.id, 'former', life.former, 'upTo', life.upTo)
  return life
end
local function replaceEpoch(key, tip, fresh, run)
  return writeEpoch(key, tip, { value = fresh, former = '', upTo = '0-0' }, run)
end
local function settleEpoch(key, tip, fresh, stream, hasGroup, run)
  local known = redis.call('HMGET', key, 'value', 'lastId', 'entriesAdded', 'runId', 'former', 'upTo', 'mark')
  known[2], known[3], known[6] = leadingId(known[2]), leadingNumber(known[3]), leadingId(known[6])
  for i = 1, 6 do
    if not known[i] then return replaceEpoch(key, tip, fresh, run) end
  end
  if idLess(tip.lastId, known[2]) or tip.added < known[3] then return replaceEpoch(key, tip, fresh, run) end
  if not hasGroup and isGone(stream, known[2]) then return replaceEpoch(key, tip, fresh, run) end
  if (run.field == 'mark' and known[7] or known[4]) ~= run.id then
    return writeEpoch(key, tip, { value = fresh, former = known[1], upTo = known[2] }, run)
  end
  if tip.lastId ~= known[2] then
    redis.call('HSET', key, 'lastId', tip.lastId, 'entriesAdded', msText(tip.added))
  end
  return { value = known[1], former = known[5], upTo = known[6] }
end
`;

/**
 * `holdsEntry(stream, id, digest)`: true when the stream has this very entry; see `entryDigest`.
 * `hasAllAfter(stream, tip, id)`: true when nothing after it can have been removed: entries are removed from the oldest on.
 */
export const digestFunctions = `
local function hasAllAfter(stream, tip, id)
  if id == tip.lastId or tip.added == redis.call('XLEN', stream) then return true end
  return #redis.call('XRANGE', stream, id, id) == 1
end
local function holdsEntry(stream, id, digest)
  local found = redis.call('XRANGE', stream, id, id)[1]
  return found ~= nil and redis.sha1hex(table.concat(found[2], '\\0')) == digest
end
`;

/**
 * `expireBeyond(stream, expired, group, hardCap, limit)` → removed, lost. Cuts the stream to `hardCap`, at most
 * `limit` entries a call, and adds to `expired` exactly those that the group had not acknowledged. Whole nodes of
 * acknowledged entries go first without being looked at; only the one node in which the floor lies is read.
 */
export const expireFunctions = `
local function expireBeyond(stream, expired, group, hardCap, limit)
  local excess = math.min(redis.call('XLEN', stream) - hardCap, limit)
  if excess <= 0 then return 0, 0 end
  local floor = groupFloor(stream, findGroup(stream, group))
  local removed = redis.call('XTRIM', stream, 'MINID', '~', floor, 'LIMIT', excess)
  local left = excess - removed
  if left == 0 then return removed, 0 end
  local acknowledged = 0
  if floor ~= '0-0' then
    acknowledged = #redis.call('XRANGE', stream, '-', '(' .. floor, 'COUNT', left)
  end
  redis.call('XTRIM', stream, 'MAXLEN', '=', redis.call('XLEN', stream) - left)
  local lost = left - acknowledged
  if lost > 0 and type(redis.pcall('INCRBY', expired, lost)) ~= 'number' then
    -- Something else stands in its place: counting begins anew.
    redis.call('SET', expired, lost)
  end
  return removed + left, lost
end
`;

// Lua functions that several scripts share. They compare IDs as decimal text, as `entry-id.ts` does. Lua's numbers are
// doubles, which would round a sequence number beyond 2^53.
//
// Gateways of two builds may share one Redis. Therefore a build reads only the known fields at the beginning of a value. It
// ignores the text that a later build has added after them (`|` and any text), and keeps unknown hash fields. Only the owner
// of a value rewrites it, in the form of its own build. A subscriber owns its cursor and slot. The holder of a lease or claim
// owns the values of that lease or claim.
import { DEFAULT_GROUP } from '../../options.js';
import { WINDOW_LIMITS } from '../../port/windows.js';

/** `idLess(a, b)`, `idMin(a, b)` and `idNext(id)`. `idNext` of the largest possible ID is that ID itself. */
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

/**
 * `leadingNumber(text)` and `leadingId(text)` return the number or ID at the beginning of a value, without fields that a
 * later build has added after it. They return nil if there is none.
 */
const leadingFunctions = `
local function leadingNumber(text)
  return tonumber((string.match(text or '', '^%d+')))
end
local function leadingId(text)
  return string.match(text or '', '^%d+%-%d+')
end
`;

/** `readClock()` returns the time of Redis: milliseconds as a number, then seconds and microseconds as TIME gives them. */
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
 * `endInputs(window, key, text, id, at)` records in a waiting window that the entry `id` ends those inputs of `key` that were
 * added no later than `at`. `text` is a JSON object. A key of another type is ignored instead of failing, because the entry
 * has been appended already.
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

/**
 * `flat(reply)` converts a reply of alternating names and values to a table.
 * `findGroup(stream, group)` returns two values. The first is the group's XINFO, or nil if the stream does not have this
 * group. The second is true if the stream has no group at all, otherwise false.
 */
export const infoFunctions = `
local function flat(reply)
  local result = {}
  for i = 1, #reply, 2 do result[reply[i]] = reply[i + 1] end
  return result
end
local function findGroup(stream, group)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return nil, true end
  for i = 1, #groups do
    local info = flat(groups[i])
    if info['name'] == group then return info, false end
  end
  return nil, #groups == 0
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

/**
 * `createGroup(stream, group, id, lifeMs)` creates the group at an ID, and the stream if it is missing. With a lifetime other than
 * '0', another system owns the stream. A missing stream is then not created, and the function returns nil.
 * `isForeign(info, cursors, lease, isOurs)`: true if another program uses the group. There are two signs: the group has consumers and
 * has read entries, although no gateway has ever registered; or the stream was missing until now, so that no gateway can have made the
 * group. A group whose name proves that it is ours (`isOurs`) is not examined, because its keys may have expired.
 * `noteGroup(lease, hasGroup)` records in the lease that the stream and its group are missing, or that the group exists.
 */
export const groupFunctions = `
local function createGroup(stream, group, id, lifeMs)
  if lifeMs == '0' then return redis.pcall('XGROUP', 'CREATE', stream, group, id, 'MKSTREAM') end
  if redis.call('EXISTS', stream) == 0 then return nil end
  return redis.pcall('XGROUP', 'CREATE', stream, group, id)
end
local function isForeign(info, cursors, lease, isOurs)
  if isOurs then return false end
  if redis.call('HEXISTS', lease, 'noStream') == 1 then return true end
  if info['consumers'] == 0 or info['last-delivered-id'] == '0-0' then return false end
  return redis.call('EXISTS', cursors, lease) == 0
end
local function noteGroup(lease, hasGroup)
  if hasGroup then redis.call('HDEL', lease, 'noStream') else redis.call('HSET', lease, 'noStream', '1') end
end
`;

/**
 * `groupFloor(stream, info)` returns the ID below which the group has acknowledged every entry, and no other entry.
 * `newestAcknowledged(stream, info)` returns the ID of the newest acknowledged entry. If there is none, it returns an ID
 * below all entries of the stream.
 */
export const floorFunctions = `
local function groupFloor(stream, info)
  if not info then return '0-0' end
  if info['pending'] > 0 then return redis.call('XPENDING', stream, info['name'])[2] end
  return idNext(info['last-delivered-id'])
end
local function newestAcknowledged(stream, info)
  if info['pending'] == 0 then return info['last-delivered-id'] end
  local oldest = redis.call('XPENDING', stream, info['name'])[2]
  local before = redis.call('XREVRANGE', stream, '(' .. oldest, '-', 'COUNT', 1)
  return before[1] and before[1][1] or '0-0'
end
`;

/**
 * `readCursor(text)` returns id, heartbeatMs and advancedMs, or nil for a text that no build has written.
 * `eachCursor(cursors, visit)` calls `visit(subscriber, id, heartbeatMs, advancedMs)` for each cursor. It removes values that
 * cannot be read.
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
 * `beatPulse(lease, now, livenessMs)` records the time of this call, and returns the end of the subscribers' grace period. If
 * no subscriber has called for longer than half of `livenessMs`, Redis itself was paused (or there was no subscriber). A
 * grace period of `livenessMs` then begins, because the subscribers could not send heartbeats.
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
 * `isGone(stream, newest)`: true if the stream no longer has the entry `newest`, which was recently its newest entry. If the
 * group is missing, too, the stream was deleted, even if it contains new entries now.
 */
export const goneFunctions = `
local function isGone(stream, newest)
  newest = leadingId(newest)
  return newest and newest ~= '0-0' and #redis.call('XRANGE', stream, newest, newest) == 0
end
`;

/**
 * `readRun(key, mark, refuted)` returns the run of the server, from INFO if `mark` is empty. Otherwise the user may not send
 * INFO. `mark` is then a marker that the caller has proven to belong to this run, or `?` (see `restart-markers.ts`). If the
 * record has another marker that the caller has not refuted, the function returns nil and a reply that asks the caller about
 * it.
 *
 * `settleEpoch(key, tip, fresh, stream, hasGroup, run)` returns `{ value, former, upTo }`: the stream's epoch, and its
 * previous epoch if that is known. The epoch becomes `fresh` in three cases:
 * - The stream has no epoch.
 * - The stream has a lower newest ID or fewer entries than its record says, or was deleted and written again.
 * - Another or a restarted server serves the stream, and may have lost the newest entries. The previous epoch is then kept as
 *   `former`, valid up to the newest ID of the record. Redis wrote and replicated those entries before the record, so a
 *   server with the record has the entries.
 *
 * `replaceEpoch(key, tip, fresh, run)` begins a new epoch without a previous one. It forgets the erasures of the lost stream.
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
  redis.call('HDEL', key, 'erased', 'erasedFloor', 'erasedTrimmed')
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
 * `completeAfter(stream, tip, epoch)` returns the ID after which no entry was trimmed, or '0-0' if none was ever trimmed. Trims
 * remove the oldest entries first, so this is usually the first ID. Erasures remove entries at any place, and are recorded in the
 * hash of the epoch: `erased` is their number, and `erasedFloor` is the newest ID that was the first of the stream when it was
 * erased, which is as good as an existing first entry while no more than `erasedTrimmed` entries were ever trimmed.
 * `noteErased(stream, tip, epoch, first)` records that one entry was erased. `first` is its ID if it was the first of the stream.
 */
export const completeFunctions = `
local function readErased(epoch)
  local known = redis.call('HMGET', epoch, 'erased', 'erasedFloor', 'erasedTrimmed')
  return leadingNumber(known[1]) or 0, leadingId(known[2]), leadingNumber(known[3])
end
local function completeAfter(stream, tip, epoch)
  local erased, floor, trimmedThen = readErased(epoch)
  local trimmed = tip.added - redis.call('XLEN', stream) - erased
  if trimmed <= 0 then return '0-0' end
  if floor and trimmedThen == trimmed then return floor end
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  return first and first[1] or tip.lastId
end
local function noteErased(stream, tip, epoch, first)
  local erased = readErased(epoch) + 1
  redis.call('HSET', epoch, 'erased', msText(erased))
  if not first then return end
  local trimmed = tip.added - redis.call('XLEN', stream) - erased
  redis.call('HSET', epoch, 'erasedFloor', first, 'erasedTrimmed', msText(trimmed))
end
`;

/**
 * `holdsEntry(stream, id, digest)`: true if the entry `id` of the stream has this digest; see `entryDigest`.
 * `hasAllAfter(stream, tip, epoch, id)`: true if no entry after `id` can have been trimmed.
 */
export const digestFunctions = `${completeFunctions}
local function hasAllAfter(stream, tip, epoch, id)
  return id == tip.lastId or not idLess(id, completeAfter(stream, tip, epoch))
end
local function holdsEntry(stream, id, digest)
  local found = redis.call('XRANGE', stream, id, id)[1]
  return found ~= nil and redis.sha1hex(table.concat(found[2], '\\0')) == digest
end
`;

/**
 * `readExpired(expired, byGroup, group)` returns the stored number of entries that were removed before this group had
 * acknowledged them. It returns nil or an error if there is no number.
 * `beginExpiredCount(byGroup, group)` begins to count for a group that has subscribers.
 * `addExpired(expired, byGroup, group, lost, isOwn)` counts for the caller's own group, and for other groups that have had
 * subscribers, but not for the groups of other programs. The count starts again if another type is stored at a key.
 */
export const expiredCountFunctions = `
local function readExpired(expired, byGroup, group)
  if group == '${DEFAULT_GROUP}' then return redis.pcall('GET', expired) end
  return redis.pcall('HGET', byGroup, group)
end
local function beginExpiredCount(byGroup, group)
  if group ~= '${DEFAULT_GROUP}' then redis.pcall('HSETNX', byGroup, group, '0') end
end
local function addExpired(expired, byGroup, group, lost, isOwn)
  if group == '${DEFAULT_GROUP}' then
    if type(redis.pcall('INCRBY', expired, lost)) ~= 'number' then redis.call('SET', expired, lost) end
    return
  end
  local known = redis.pcall('HGET', byGroup, group)
  if type(known) == 'table' then
    redis.call('DEL', byGroup)
    known = false
  end
  if not known and not isOwn then return end
  local before = tonumber(string.match(known or '', '^%d+') or '0')
  redis.call('HSET', byGroup, group, string.format('%.0f', before + lost))
end
`;

/**
 * `expireBeyond(stream, expired, byGroup, group, hardCap, limit)` trims the stream to `hardCap`, by at most `limit` entries
 * per call. It returns two numbers: the number of removed entries, and how many of these `group` had not acknowledged. It
 * counts the second number for `group`, and the corresponding number for each other group. A group that the stream does not
 * have has acknowledged nothing.
 *
 * The function goes from the group that has acknowledged the fewest entries to the one that has acknowledged the most. Each
 * step removes the entries that this group and all later groups have acknowledged. All earlier groups lose these entries.
 * Whole nodes are removed without being read. Only the node that contains the floor of the group is read.
 */
export const expireFunctions = `${expiredCountFunctions}
local function groupFloors(stream, group)
  local groups, floors, hasGroup = redis.call('XINFO', 'GROUPS', stream), {}, false
  for i = 1, #groups do
    local info = flat(groups[i])
    floors[i] = { name = info['name'], floor = groupFloor(stream, info), lost = 0 }
    if info['name'] == group then hasGroup = true end
  end
  if not hasGroup then floors[#floors + 1] = { name = group, floor = '0-0', lost = 0 } end
  table.sort(floors, function(a, b) return idLess(a.floor, b.floor) end)
  return floors
end
local function removeBelow(stream, floor, most)
  if floor == '0-0' or most == 0 then return 0 end
  local removed = redis.call('XTRIM', stream, 'MINID', '~', floor, 'LIMIT', most)
  if removed == most then return removed end
  local rest = #redis.call('XRANGE', stream, '-', '(' .. floor, 'COUNT', most - removed)
  if rest > 0 then redis.call('XTRIM', stream, 'MAXLEN', '=', redis.call('XLEN', stream) - rest) end
  return removed + rest
end
local function expireBeyond(stream, expired, byGroup, group, hardCap, limit)
  local excess = math.min(redis.call('XLEN', stream) - hardCap, limit)
  if excess <= 0 then return 0, 0 end
  local left, floors, lostOfOwn = excess, groupFloors(stream, group), 0
  for i = 1, #floors do
    local removed = removeBelow(stream, floors[i].floor, left)
    left = left - removed
    for j = 1, i - 1 do floors[j].lost = floors[j].lost + removed end
  end
  if left > 0 then redis.call('XTRIM', stream, 'MAXLEN', '=', redis.call('XLEN', stream) - left) end
  for i = 1, #floors do
    local lost = floors[i].lost + left
    if lost > 0 then addExpired(expired, byGroup, floors[i].name, lost, floors[i].name == group) end
    if floors[i].name == group then lostOfOwn = lost end
  end
  return excess, lostOfOwn
end
`;

// Scripts that erase entries. One appends the control entry. The other removes the entries later.
import { defineScript } from './script.js';
import {
  clockFunctions,
  completeFunctions,
  cursorFunctions,
  floorFunctions,
  idFunctions,
  infoFunctions,
  pulseFunctions,
} from './snippets.js';

/**
 * KEYS: stream, erasing, observed, then the dedupe keys. ARGV: dedupe window in ms, number of entries, then their IDs, then the fields
 * of the control entry, if there is one. Returns the ID of the control entry, or ''.
 *
 * One script writes the control entry and the record of the erased entries. With two steps, a process that ends between them
 * could leave an entry in the stream for ever, although clients were told that it is erased. In a stream of another system, entries stay
 * until their owner removes them, and are not recorded.
 */
export const eraseScript = defineScript(
  'erase',
  [
    `
local stream, erasing, count, control = KEYS[1], KEYS[2], tonumber(ARGV[2]), ''
if #ARGV > 2 + count then
  control = redis.call('XADD', stream, '*', unpack(ARGV, 3 + count))
  local score = string.match(control, '^%d+')
  if redis.call('EXISTS', KEYS[3]) == 1 then count = 0 end
  for i = 3, 2 + count do redis.call('ZADD', erasing, score, control .. '|' .. ARGV[i]) end
end
for i = 4, #KEYS do
  local known = redis.pcall('GET', KEYS[i])
  if type(known) ~= 'string' then known = control ~= '' and control or '0-0' end
  redis.call('SET', KEYS[i], known, 'PX', ARGV[1])
end
return control
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: stream, erasing, cursors, lease, epoch, observed. ARGV: group, livenessMs, maximum time to wait for other groups, maximum
 * number of entries. Returns the number of removed entries, the number of erased entries that wait, and 1 if another system owns the
 * stream. Nothing is removed then.
 *
 * The members of the set are in the order of their control entries. Entries are removed in the order of their IDs. An entry
 * is removed if no live cursor is before its control entry. Therefore no live cursor is at the entry, and every subscriber
 * has counted it.
 *
 * The hash of the epoch stores the number of removed entries (see `completeFunctions`) and the newest entry. If the newest
 * entry is removed, the hash gets the ID of the entry that is newest now. Otherwise the stream would count as deleted and
 * written again.
 */
export const removeErasedScript = defineScript(
  'removeErased',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    cursorFunctions,
    floorFunctions,
    pulseFunctions,
    completeFunctions,
    `
local stream, erasing, cursors, lease, epoch = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, livenessMs, maxWaitMs, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
if redis.call('EXISTS', KEYS[6]) == 1 then return { 0, 0, 1 } end
local members = redis.call('ZRANGEBYSCORE', erasing, '-inf', '+inf', 'LIMIT', 0, limit)
if #members == 0 then return { 0, 0 } end
local now = readClock()
local hasGrace = now < beatPulse(lease, now, livenessMs)
local smallest, ofOthers = nil, nil
eachCursor(cursors, function(name, id, beatMs, advancedMs)
  if hasGrace or (beatMs > now - livenessMs and advancedMs > now - livenessMs) then
    smallest = smallest and idMin(smallest, id) or id
  else redis.call('HDEL', cursors, name) end
end)
local tip = readTip(stream)
if tip.err then return tip end
if redis.call('EXISTS', stream) == 1 then
  local groups = redis.call('XINFO', 'GROUPS', stream)
  for i = 1, #groups do
    local info = flat(groups[i])
    if info['name'] ~= group then
      local newest = newestAcknowledged(stream, info)
      ofOthers = ofOthers and idMin(ofOthers, newest) or newest
    end
  end
end
local newestKnown = leadingId(redis.call('HGET', epoch, 'lastId'))
local due, removed, waiting = {}, 0, 0
for i = 1, #members do
  local control, id = string.match(members[i], '^(%d+%-%d+)|(%d+%-%d+)$')
  local isRead = not control or not smallest or not idLess(smallest, control)
  if isRead and control and ofOthers and idLess(ofOthers, control) then
    isRead = now - leadingNumber(control) >= maxWaitMs
  end
  if not isRead then waiting = waiting + 1
  else
    if control then due[#due + 1] = id end
    redis.call('ZREM', erasing, members[i])
  end
end
table.sort(due, idLess)
for i = 1, #due do
  local id, first = due[i], redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if redis.call('XDEL', stream, id) == 1 then
    removed = removed + 1
    noteErased(stream, tip, epoch, first[1] == id and id or nil)
    if newestKnown == id then redis.call('HSET', epoch, 'lastId', tip.lastId, 'entriesAdded', msText(tip.added)) end
  end
end
return { removed, waiting }
`,
  ],
  { isAllowedWhenFull: true },
);

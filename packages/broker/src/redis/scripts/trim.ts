// Retention: acknowledged entries beyond the length go, and beyond the hard cap all do.
import { leaseFunctions } from './lease.js';
import { defineScript } from './script.js';
import {
  clockFunctions,
  cursorFunctions,
  expireFunctions,
  floorFunctions,
  idFunctions,
  infoFunctions,
} from './snippets.js';

/**
 * KEYS: stream, cursors, lease, expired. ARGV: owner, fence, group, maxLength, hard cap, minAgeMs, most entries.
 * Returns nil when fenced, else removed (acknowledged ones) and lost.
 *
 * Below the floor are the entries that every consumer group acknowledged, that every registered cursor has passed, and that are old
 * enough. The entry at a cursor stays: it shows its reader that nothing after it has gone.
 * IDs that lie ahead of the clock say nothing about age. Where the newest one does, the lease keeps in `aheadId` and
 * `aheadMs` the newest ID when it was last looked at, and in `agedId` the one that has been there for `minAgeMs`: such entries are
 * removed too, after twice that time at most.
 * `XTRIM MINID ~ floor LIMIT excess` then removes whole nodes below the floor and never more than the excess: no
 * entry has to be looked at. It leaves at most one node beyond `maxLength`.
 */
export const trimScript = defineScript(
  'trim',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    floorFunctions,
    cursorFunctions,
    expireFunctions,
    leaseFunctions,
    `
local stream, cursors, lease, expired = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, fence, group = ARGV[1], ARGV[2], ARGV[3]
local maxLength, hardCap, minAgeMs, limit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local now = readClock()
if not holdsLease(lease, owner, fence, now) then return nil end
local excess = math.min(redis.call('XLEN', stream) - maxLength, limit)
if excess <= 0 then return { 0, 0 } end

local function agedId(lastId)
  if leadingNumber(lastId) <= now then
    redis.call('HDEL', lease, 'aheadId', 'aheadMs', 'agedId')
    return nil
  end
  local seen = redis.call('HMGET', lease, 'aheadId', 'aheadMs', 'agedId')
  local seenId, seenMs, aged = leadingId(seen[1]), leadingNumber(seen[2]), leadingId(seen[3])
  -- Of a stream, or a time, that went back since.
  if aged and idLess(lastId, aged) then aged = nil end
  if seenMs and seenMs > now or seenId and idLess(lastId, seenId) then seenId = nil end
  if seenId and seenMs and now - seenMs >= minAgeMs then
    aged, seenId = seenId, nil
  end
  if not seenId or not seenMs then redis.call('HSET', lease, 'aheadId', lastId, 'aheadMs', msText(now)) end
  if aged then redis.call('HSET', lease, 'agedId', aged) else redis.call('HDEL', lease, 'agedId') end
  return aged
end

local floor = msText(math.max(0, now - minAgeMs + 1)) .. '-0'
local tip = readTip(stream)
local aged = tip.lastId and agedId(tip.lastId)
if aged and idLess(floor, idNext(aged)) then floor = idNext(aged) end
local hasGroup = false
local groups = redis.call('XINFO', 'GROUPS', stream)
for i = 1, #groups do
  local info = flat(groups[i])
  if info['name'] == group then hasGroup = true end
  floor = idMin(floor, groupFloor(stream, info))
end
eachCursor(cursors, function(_, id) floor = idMin(floor, id) end)
local removed = 0
if hasGroup then removed = redis.call('XTRIM', stream, 'MINID', '~', floor, 'LIMIT', excess) end
local cut, lost = expireBeyond(stream, expired, group, hardCap, limit)
return { removed + cut - lost, lost }
`,
  ],
  { isAllowedWhenFull: true },
);

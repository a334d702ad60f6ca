// Trims a stream: removes acknowledged entries beyond `maxLength`, and any entries beyond the hard cap.
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
 * KEYS: stream, cursors, lease, expired, expiredByGroup, observed. ARGV: owner, fence, group, maxLength, hard cap, minAgeMs, maximum
 * number of entries to remove. Returns nil if the owner has lost the lease. Otherwise returns the number of acknowledged
 * entries that were removed, and the number of other entries that were removed. Removes nothing if another system owns the
 * stream.
 *
 * The floor is an ID. Every consumer group has acknowledged the entries below it. These entries are before every registered
 * cursor of this group, and older than `minAgeMs`. The entry at a cursor stays, because it shows the subscriber that no later
 * entry was removed. For the same reason, the newest entry that another group has acknowledged stays: no cursor of that group
 * is before it.
 *
 * An ID ahead of the clock does not show the age of its entry. If the newest ID is ahead, the hash of the lease stores it in
 * `aheadId`, and the time of this trim in `aheadMs`. After `minAgeMs`, the ID moves to `agedId`, and all entries up to it
 * count as old enough. An entry that was added just after `aheadId` was stored waits for the next round, at most twice
 * `minAgeMs`.
 *
 * The excess is the number of entries beyond `maxLength`. `XTRIM MINID ~ floor LIMIT excess` removes whole nodes below the
 * floor, and never more entries than the excess. It does not read entries, and leaves at most one node beyond `maxLength`.
 *
 * In a stream far above the hard cap, a call removes a tenth of the entries above the cap instead of the maximum number.
 * Otherwise a producer that adds entries by plain XADD faster than calls remove them could fill the memory of Redis.
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
if excess <= 0 or redis.call('EXISTS', KEYS[6]) == 1 then return { 0, 0 } end

local function agedId(lastId)
  if leadingNumber(lastId) <= now then
    redis.call('HDEL', lease, 'aheadId', 'aheadMs', 'agedId')
    return nil
  end
  local seen = redis.call('HMGET', lease, 'aheadId', 'aheadMs', 'agedId')
  local seenId, seenMs, aged = leadingId(seen[1]), leadingNumber(seen[2]), leadingId(seen[3])
  -- Forgets IDs from before the stream or the clock went back.
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
  if info['name'] == group then
    hasGroup = true
    floor = idMin(floor, groupFloor(stream, info))
  else
    floor = idMin(floor, newestAcknowledged(stream, info))
  end
end
eachCursor(cursors, function(_, id) floor = idMin(floor, id) end)
local removed = 0
if hasGroup then removed = redis.call('XTRIM', stream, 'MINID', '~', floor, 'LIMIT', excess) end
local beyond = redis.call('XLEN', stream) - hardCap
local most = math.max(limit, math.floor(beyond / 10))
local cut, lost = expireBeyond(stream, expired, KEYS[5], group, hardCap, most)
return { removed + cut - lost, lost }
`,
  ],
  { isAllowedWhenFull: true },
);

// Runs one acknowledgement pass: new entries become Consumed, and entries that all live subscribers have read become Acknowledged.
import { leaseFunctions } from './lease.js';
import { defineScript } from './script.js';
import {
  clockFunctions,
  cursorFunctions,
  goneFunctions,
  groupFunctions,
  idFunctions,
  infoFunctions,
  pulseFunctions,
} from './snippets.js';

/**
 * KEYS: stream, cursors, lease, epoch. ARGV: owner, fence, group, consumer, count, livenessMs, the owner's cursor or '', lifetime of
 * the keys or '0', 1 if the name of the group proves that it is ours, or 0.
 * Returns nil if the owner has lost the lease. Otherwise returns the number of consumed entries, the number of acknowledged
 * entries, then the subscribers that were declared dead.
 *
 * A pending entry is acknowledged if no live subscriber's cursor is before it. The consumer that has read it does not matter.
 * Therefore the pending entries of a dead gateway need no XCLAIM. Nothing is acknowledged while the lease's owner is not live
 * itself.
 *
 * If the lifetime is limited, another system owns the stream. A missing stream is then not created, and the pass does nothing. If the
 * owner later creates the stream with a group of this name, the group belongs to another program, unless its name proves that it is
 * ours. The pass then returns `foreign_group`, and reads nothing.
 *
 * A missing group is recreated at the smallest cursor. If the newest entry in the epoch's record is missing, too, the stream
 * was lost together with the group. The epoch is then deleted, and the next heartbeat begins a new one. The cursors belong to
 * the lost stream. Therefore the group is recreated at 0, and nothing is acknowledged.
 */
export const ledgerPassScript = defineScript(
  'ledgerPass',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    cursorFunctions,
    pulseFunctions,
    goneFunctions,
    leaseFunctions,
    groupFunctions,
    `
local stream, cursors, lease, epoch = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, fence, group, consumer = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local count, livenessMs, ownCursor = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local now = readClock()
if not holdsLease(lease, owner, fence, now) then return nil end
local hasGrace = now < beatPulse(lease, now, livenessMs)

local smallest, ownerLive, dead = nil, false, {}
eachCursor(cursors, function(name, id, beatMs, advancedMs)
  if name == owner and ownCursor ~= '' and idLess(id, ownCursor) then
    id, beatMs, advancedMs = ownCursor, now, now
    redis.call('HSET', cursors, name, cursorText(id, beatMs, advancedMs))
  end
  if hasGrace or (beatMs > now - livenessMs and advancedMs > now - livenessMs) then
    smallest = smallest and idMin(smallest, id) or id
    if name == owner then ownerLive = true end
  else
    redis.call('HDEL', cursors, name)
    dead[#dead + 1] = name
  end
end)

if redis.call('HEXISTS', lease, 'noStream') == 1 then
  local info = findGroup(stream, group)
  if info and isForeign(info, cursors, lease, ARGV[9] == '1') then return { 'foreign_group' } end
  if info then noteGroup(lease, true) end
end
local function consume()
  return redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '>')
end
local read = consume()
if read and read.err and string.find(read.err, '^NOGROUP') then
  if isGone(stream, redis.call('HGET', epoch, 'lastId')) then
    redis.call('HDEL', epoch, 'value')
    smallest, ownerLive = nil, false
  end
  local created = createGroup(stream, group, smallest or '0', ARGV[8])
  if not created then
    noteGroup(lease, false)
    return { 0, 0, unpack(dead) }
  end
  if created.err then return created end
  noteGroup(lease, true)
  read = consume()
end
if read and read.err then return read end
local consumed = read and read[1] and #read[1][2] or 0

local acknowledged = 0
if ownerLive then
  local pending = redis.call('XPENDING', stream, group, '-', smallest, count)
  if #pending > 0 then
    local ids = {}
    for i = 1, #pending do ids[i] = pending[i][1] end
    acknowledged = redis.call('XACK', stream, group, unpack(ids))
  end
end
local reply = { consumed, acknowledged }
for i = 1, #dead do reply[i + 2] = dead[i] end
return reply
`,
  ],
  { isAllowedWhenFull: true },
);

// Registers a subscriber at a stream and answers where it starts.
import { defineScript } from './script.js';
import {
  clockFunctions,
  cursorFunctions,
  epochFunctions,
  goneFunctions,
  idFunctions,
  infoFunctions,
  pulseFunctions,
} from './snippets.js';

/**
 * KEYS: stream, cursors, epoch, lease. ARGV: subscriber, group, livenessMs, fresh epoch, mark of this run or '', refuted mark or ''.
 * Returns epoch, cursor, last ID, entries added, seconds, microseconds, previous epoch or '', up to where that one holds, and
 * the ID of the server's run.
 *
 * Creates stream and group where missing; a new group begins at 0, so what was published before it counts as not
 * acknowledged. The cursor is the newest ID when another subscriber is live, else the newest entry up to which everything
 * was acknowledged.
 */
export const registerScript = defineScript(
  'register',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    cursorFunctions,
    pulseFunctions,
    goneFunctions,
    epochFunctions,
    `
local stream, cursors, epoch, lease = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local member, group, livenessMs, fresh = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local run, question = readRun(epoch, ARGV[5], ARGV[6])
if question then return question end
local now, seconds, micros = readClock()
local info = findGroup(stream, group)
local hadGroup = info ~= nil
if not info then
  local created = redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
  if created.err then return created end
  info = findGroup(stream, group)
end
local tip = readTip(stream)
if tip.err then return tip end
local life = settleEpoch(epoch, tip, fresh, stream, hadGroup, run)
local graceUntil = beatPulse(lease, now, livenessMs)
local othersLive = false
eachCursor(cursors, function(name, id, beatMs, advancedMs)
  if name ~= member and beatMs > now - livenessMs and advancedMs > now - livenessMs then othersLive = true end
end)
local cursor = tip.lastId
if not othersLive then
  cursor = info['last-delivered-id']
  if info['pending'] > 0 then
    local oldest = redis.call('XPENDING', stream, group)[2]
    local before = redis.call('XREVRANGE', stream, '(' .. oldest, '-', 'COUNT', 1)
    cursor = before[1] and before[1][1] or '0-0'
  end
end
redis.call('HSET', cursors, member, cursorText(cursor, now, now))
return { life.value, cursor, tip.lastId, tip.added, seconds, micros, life.former, life.upTo, run.id }
`,
  ],
  { isAllowedWhenFull: true },
);

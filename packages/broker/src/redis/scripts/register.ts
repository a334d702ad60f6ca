// Registers a subscriber at a stream, and returns where the subscriber starts to read.
import { defineScript } from './script.js';
import {
  clockFunctions,
  cursorFunctions,
  epochFunctions,
  expiredCountFunctions,
  goneFunctions,
  idFunctions,
  infoFunctions,
  pulseFunctions,
} from './snippets.js';

/**
 * KEYS: stream, cursors, epoch, lease, expiredByGroup. ARGV: subscriber, group, livenessMs, value for a new epoch, and two markers (see
 * `restart-markers.ts`): the marker of this run or '', and the refuted marker or ''.
 * Returns epoch, cursor, last ID, entries added, seconds, microseconds, previous epoch or '', the last ID up to which the previous
 * epoch is valid, and the run of the server.
 *
 * Creates the stream and the group if they are missing. A new group begins at 0, so that entries published before it count as not
 * acknowledged. A group that is missing beside other groups is new if its lease is missing too. Otherwise it was deleted, perhaps
 * together with the stream. If another subscriber is live, the cursor is the newest ID. Otherwise it is the newest entry up to which everything
 * is acknowledged.
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
    expiredCountFunctions,
    `
local stream, cursors, epoch, lease = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local member, group, livenessMs, fresh = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local run, question = readRun(epoch, ARGV[5], ARGV[6])
if question then return question end
local now, seconds, micros = readClock()
local info, isAlone = findGroup(stream, group)
local isNew = not isAlone and redis.call('EXISTS', lease) == 0
local hadGroup = info ~= nil or isNew
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
beginExpiredCount(KEYS[5], group)
return { life.value, cursor, tip.lastId, tip.added, seconds, micros, life.former, life.upTo, run.id }
`,
  ],
  { isAllowedWhenFull: true },
);

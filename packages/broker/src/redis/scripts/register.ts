// Registers a subscriber at a stream, and returns where the subscriber starts to read.
import { lifeFunctions } from './observe.js';
import { defineScript } from './script.js';
import {
  clockFunctions,
  cursorFunctions,
  epochFunctions,
  expiredCountFunctions,
  goneFunctions,
  groupFunctions,
  idFunctions,
  infoFunctions,
  pulseFunctions,
} from './snippets.js';

/**
 * KEYS: stream, cursors, epoch, lease, expiredByGroup, observed. ARGV: subscriber, group, livenessMs, value for a new epoch, lifetime
 * of the keys or '0' for no limit, `StreamKeys.groupProof`, and two markers (see `restart-markers.ts`): the marker of this run or '', and
 * the refuted marker or ''. Returns epoch, cursor, last ID, entries added, seconds, microseconds, previous epoch or '', the last ID up to
 * which the previous epoch is valid, and the run of the server.
 *
 * Creates the stream and the group if they are missing. If the lifetime is limited, another system owns the stream: a missing stream is
 * not created, and the group is created later by an acknowledgement pass. A new group begins at 0, so that earlier entries count as not
 * acknowledged. A group that is missing beside other groups is new if its lease is missing, too. Otherwise it was deleted,
 * perhaps together with the stream.
 *
 * The cursor is the newest ID if another subscriber is live. Otherwise it is the newest entry up to which everything is
 * acknowledged.
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
    lifeFunctions,
    groupFunctions,
    `
local stream, cursors, epoch, lease = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local member, group, livenessMs, fresh = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local lifeMs = ARGV[5]
local run, question = readRun(epoch, ARGV[7], ARGV[8])
if question then return question end
local now, seconds, micros = readClock()
local info, isAlone = findGroup(stream, group)
local isOurs = ARGV[6] == 'own' or (ARGV[6] == 'left' and redis.call('EXISTS', KEYS[6]) == 0)
if info and isForeign(info, cursors, lease, isOurs) then return { 'foreign_group' } end
local isNew = not isAlone and redis.call('EXISTS', lease) == 0
local hadGroup = info ~= nil or isNew
if not info then
  local created = createGroup(stream, group, '0', lifeMs)
  if created and created.err then return created end
  info = findGroup(stream, group)
end
if lifeMs ~= '0' then noteGroup(lease, info ~= nil) end
local tip = readTip(stream)
if tip.err then return tip end
local life = settleEpoch(epoch, tip, fresh, stream, hadGroup, run)
local graceUntil = beatPulse(lease, now, livenessMs)
local othersLive = false
eachCursor(cursors, function(name, id, beatMs, advancedMs)
  if name ~= member and beatMs > now - livenessMs and advancedMs > now - livenessMs then othersLive = true end
end)
local cursor = tip.lastId
if not othersLive and info then
  cursor = info['last-delivered-id']
  if info['pending'] > 0 then
    local oldest = redis.call('XPENDING', stream, group)[2]
    local before = redis.call('XREVRANGE', stream, '(' .. oldest, '-', 'COUNT', 1)
    cursor = before[1] and before[1][1] or '0-0'
  end
end
redis.call('HSET', cursors, member, cursorText(cursor, now, now))
beginExpiredCount(KEYS[5], group)
limitLife(lifeMs, cursors, epoch, lease, KEYS[5])
return { life.value, cursor, tip.lastId, tip.added, seconds, micros, life.former, life.upTo, run.id }
`,
  ],
  { isAllowedWhenFull: true },
);

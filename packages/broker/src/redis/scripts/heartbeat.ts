// Records how far a subscriber has read, and returns the state of the stream.
import { lifeFunctions } from './observe.js';
import { defineScript } from './script.js';
import {
  clockFunctions,
  cursorFunctions,
  digestFunctions,
  epochFunctions,
  goneFunctions,
  idFunctions,
  infoFunctions,
  pulseFunctions,
} from './snippets.js';

/**
 * KEYS: stream, cursors, epoch, lease. ARGV: subscriber, cursor, epoch known to the subscriber, entries added known to the
 * subscriber, livenessMs, value for a new epoch, digest of the entry at the cursor or '', group, lifetime of the keys or '0' for no
 * limit, and two markers (see `restart-markers.ts`): the marker of this run or '', and the refuted marker or ''. Returns status, epoch, registered
 * cursor, last ID, entries added, seconds, microseconds, previous epoch or '', the last ID up to which the previous epoch is
 * valid, and the run of the server.
 *
 * Three conditions show that the stream went back: the record of its epoch says so (`settleEpoch`), a subscriber's cursor is
 * newer than the newest ID, or the count of entries is lower than the subscriber knew. The first heartbeat that finds one of
 * them replaces the epoch. A subscriber with the old epoch learns the new one from its next heartbeat.
 *
 * A subscriber with the previous epoch keeps its cursor if this server has every entry that the subscriber has read. The
 * proof is the record of the epoch, or else the digest of the entry at the cursor.
 *
 * A reset also moves the group to the beginning if it is beyond the end of the stream (after XSETID). Otherwise the group
 * would never consume anything again.
 */
export const heartbeatScript = defineScript(
  'heartbeat',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    cursorFunctions,
    digestFunctions,
    pulseFunctions,
    goneFunctions,
    epochFunctions,
    lifeFunctions,
    `
local stream, cursors, epoch, lease = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local member, cursor, knownEpoch, knownAdded = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local livenessMs, fresh, digest, group = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local run, question = readRun(epoch, ARGV[10], ARGV[11])
if question then return question end
local now, seconds, micros = readClock()
local tip = readTip(stream)
if tip.err then return tip end
beatPulse(lease, now, livenessMs)
local info = findGroup(stream, group)
local life = settleEpoch(epoch, tip, fresh, stream, info ~= nil, run)
if life.value == knownEpoch and (idLess(tip.lastId, cursor) or tip.added < knownAdded) then
  life = replaceEpoch(epoch, tip, fresh, run)
end
local before = redis.call('HGET', cursors, member)
local verdict = 'alive'
if life.value ~= knownEpoch then
  if life.former == knownEpoch and not idLess(life.upTo, cursor) and hasAllAfter(stream, tip, epoch, cursor) then
    verdict = 'moved'
  elseif life.former == knownEpoch and holdsEntry(stream, cursor, digest) then
    verdict = 'moved'
    life.upTo = cursor
    redis.call('HSET', epoch, 'upTo', cursor)
  else
    verdict = 'reset'
    cursor = '0-0'
    if info and idLess(tip.lastId, info['last-delivered-id']) then
      redis.call('XGROUP', 'SETID', stream, group, '0')
    end
  end
elseif not before then
  verdict = 'revived'
end
local advancedMs = now
if verdict == 'alive' and cursor ~= tip.lastId then
  local id, _, advanced = readCursor(before)
  if id == cursor then advancedMs = advanced end
end
redis.call('HSET', cursors, member, cursorText(cursor, now, advancedMs))
limitLife(ARGV[9], cursors, epoch, lease)
return { verdict, life.value, cursor, tip.lastId, tip.added, seconds, micros, life.former, life.upTo, run.id }
`,
  ],
  { isAllowedWhenFull: true },
);

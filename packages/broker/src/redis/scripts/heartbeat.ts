// Notes how far a member has read, and tells it how the stream stands.

import { defineScript } from './script.js';
import {
  clockFunctions,
  cursorFunctions,
  epochFunctions,
  idFunctions,
  infoFunctions,
  pulseFunctions,
} from './snippets.js';

/**
 * KEYS: stream, cursors, epoch, lease. ARGV: member, cursor, epoch known to the member, entries added known to it,
 * livenessMs, fresh epoch.
 * Returns verdict, epoch, registered cursor, last ID, entries added, seconds, microseconds.
 *
 * Three things show that the stream went back: what Redis kept about it (`settleEpoch`), the member's cursor being
 * newer than the newest ID, and a lower count than the member knew. The first that finds it replaces the epoch; a
 * member that comes with the old one afterwards learns the new one.
 */
export const heartbeatScript = defineScript(
  'heartbeat',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    cursorFunctions,
    pulseFunctions,
    epochFunctions,
    `
local stream, cursors, epoch, lease = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local member, cursor, knownEpoch, knownAdded = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local livenessMs, fresh = tonumber(ARGV[5]), ARGV[6]
local now, seconds, micros = readClock()
local tip = readTip(stream)
if tip.err then return tip end
beatPulse(lease, now, livenessMs)
local value = settleEpoch(epoch, tip, fresh)
if value == knownEpoch and (idLess(tip.lastId, cursor) or tip.added < knownAdded) then
  value = replaceEpoch(epoch, tip, fresh)
end
local before = redis.call('HGET', cursors, member)
local verdict = 'alive'
if value ~= knownEpoch then
  verdict = 'reset'
  cursor = '0-0'
elseif not before then
  verdict = 'revived'
end
local advancedMs = now
if verdict == 'alive' and cursor ~= tip.lastId then
  local id, _, advanced = string.match(before, '^(%d+%-%d+)|(%d+)|(%d+)$')
  if id == cursor then advancedMs = tonumber(advanced) end
end
redis.call('HSET', cursors, member, cursorText(cursor, now, advancedMs))
return { verdict, value, cursor, tip.lastId, tip.added, seconds, micros }
`,
  ],
  { isAllowedWhenFull: true },
);

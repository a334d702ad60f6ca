// Reads the figures of one stream in one atomic step.
import { defineScript } from './script.js';
import {
  clockFunctions,
  completeFunctions,
  expiredCountFunctions,
  idFunctions,
  infoFunctions,
} from './snippets.js';

/**
 * KEYS: stream, expired, dead, expiredByGroup, epoch. ARGV: group. Returns length, entries added, first ID or '', last ID,
 * unconsumed, pending, oldest pending ID or '', expired, dead letters, seconds, microseconds, and the ID after which no entry
 * was trimmed.
 *
 * `unconsumed` is the group's lag as Redis reports it, but at most the length of the stream. Redis does not know the lag
 * after the group was recreated, or after another program used XDEL. `unconsumed` is then the length, or 0 for a group at the
 * newest entry. `expired` and `dead letters` are 0 if their keys have another type.
 */
export const inspectScript = defineScript(
  'inspect',
  [
    idFunctions,
    clockFunctions,
    infoFunctions,
    completeFunctions,
    expiredCountFunctions,
    `
local stream = KEYS[1]
local _, seconds, micros = readClock()
local tip = readTip(stream)
if tip.err then return tip end
local length = redis.call('XLEN', stream)
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
local group = findGroup(stream, ARGV[1])
local unconsumed, pending, oldest = length, 0, ''
if group then
  pending = group['pending']
  if pending > 0 then oldest = redis.call('XPENDING', stream, ARGV[1])[2] end
  if group['last-delivered-id'] == tip.lastId then unconsumed = 0
  elseif group['lag'] then unconsumed = math.min(length, group['lag']) end
end
local expired, dead = readExpired(KEYS[2], KEYS[4], ARGV[1]), redis.pcall('XLEN', KEYS[3])
expired = type(expired) == 'string' and tonumber(expired) or 0
dead = type(dead) == 'number' and dead or 0
return { length, tip.added, first[1] and first[1][1] or '', tip.lastId, unconsumed, pending, oldest, expired,
  dead, seconds, micros, completeAfter(stream, tip, KEYS[5]) }
`,
  ],
  { isAllowedWhenFull: true },
);

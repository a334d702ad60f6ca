// The scripts of revocations; see `port/revocations.ts`. A value has the form `state|id|revokedId|endsMs|changedMs`. A later build may
// append fields to it.
import { repairFunction } from './repair.js';
import { defineScript } from './script.js';
import { clockFunctions, idFunctions } from './snippets.js';

/**
 * `readRevocation(text, now)` returns state, id, revokedId, endsMs and changedMs. Returns nil for a value that has expired, or that no build has
 * written.
 */
const revocationFunctions = `${repairFunction}
local function readRevocation(text, now)
  local state, id, revokedId, ends, changed =
    string.match(text or '', '^(%l+)|(%d+%-%d+)|(%d+%-%d+)|(%d+)|(%d+)')
  if not state or tonumber(ends) <= now then return nil end
  return state, id, revokedId, tonumber(ends), tonumber(changed)
end
`;

/**
 * KEYS: stream, revocations. ARGV: name, state, 1 for a renewal or 0, keepMs, maximum number of revocations, time of a lost change
 * or '', then the fields of the entry. Returns the ID of the revocation's newest entry and 1 if this call appended it. Returns
 * nothing if there is nothing to restore, and `full` if the maximum is reached.
 *
 * XADD comes before HSET, so that a script that fails in between has stored no revocation without an entry. The script also runs when
 * Redis is full, because a revocation must not wait until somebody frees memory.
 */
export const changeRevocationScript = defineScript(
  'change-revocation',
  [
    clockFunctions,
    revocationFunctions,
    `
local stream, key = KEYS[1], KEYS[2]
local name, state, isRenewal, keepMs, most = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
local lostChanged = tonumber(ARGV[6])
local failure = repaired(key, 'hash')
if failure then return failure end
local now = (readClock())
local known, id, revokedId, ends, changed = readRevocation(redis.call('HGET', key, name), now)
if not known and state == 'restored' then return {} end
if known and lostChanged and changed >= lostChanged then return { id, 0 } end
local isChanged = known ~= state or isRenewal or lostChanged
if isChanged then
  if not known and redis.call('HLEN', key) >= most then
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      if not readRevocation(all[i + 1], now) then redis.call('HDEL', key, all[i]) end
    end
    if redis.call('HLEN', key) >= most then return { 'full' } end
  end
  id = redis.call('XADD', stream, '*', unpack(ARGV, 7))
  if state == 'revoked' then revokedId = id end
  changed = lostChanged or now
end
ends = math.max(ends or 0, now + keepMs)
local value = { state, id, revokedId, msText(ends), msText(changed) }
redis.call('HSET', key, name, table.concat(value, '|'))
local lifeMs = msText(ends - now)
if redis.call('PEXPIRE', key, lifeMs, 'NX') == 0 then redis.call('PEXPIRE', key, lifeMs, 'GT') end
return { id, isChanged and 1 or 0 }
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: revocations. ARGV: cursor of HSCAN, approximate number of revocations to return. Returns the next cursor, then name, state, id,
 * revokedId, endsMs and changedMs of each revocation. Removes those that have expired.
 */
export const listRevocationsScript = defineScript(
  'list-revocations',
  [
    clockFunctions,
    revocationFunctions,
    `
local key = KEYS[1]
local failure = repaired(key, 'hash')
if failure then return failure end
local now = (readClock())
local page = redis.call('HSCAN', key, ARGV[1], 'COUNT', ARGV[2])
local reply = { page[1] }
for i = 1, #page[2], 2 do
  local state, id, revokedId, ends, changed = readRevocation(page[2][i + 1], now)
  if state then
    for _, part in ipairs({ page[2][i], state, id, revokedId, msText(ends), msText(changed) }) do
      reply[#reply + 1] = part
    end
  else
    redis.call('HDEL', key, page[2][i])
  end
end
return reply
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: other revocations, revocations. ARGV: cursor of HSCAN, approximate number to read. Copies a page of the other revocations. Leaves
 * out a revocation if there is already one with the same name that is at least as new. Returns the next cursor.
 */
export const carryRevocationsScript = defineScript(
  'carry-revocations',
  [
    idFunctions,
    clockFunctions,
    revocationFunctions,
    `
local from, key = KEYS[1], KEYS[2]
if redis.call('TYPE', from).ok ~= 'hash' then return '0' end
local failure = repaired(key, 'hash')
if failure then return failure end
local now, last = (readClock()), 0
local page = redis.call('HSCAN', from, ARGV[1], 'COUNT', ARGV[2])
for i = 1, #page[2], 2 do
  local name, value = page[2][i], page[2][i + 1]
  local state, id, _, ends = readRevocation(value, now)
  local known, knownId = readRevocation(redis.call('HGET', key, name), now)
  if state and (not known or idLess(knownId, id)) then
    redis.call('HSET', key, name, value)
    last = math.max(last, ends)
  end
end
if last > 0 then
  local lifeMs = msText(last - now)
  if redis.call('PEXPIRE', key, lifeMs, 'NX') == 0 then redis.call('PEXPIRE', key, lifeMs, 'GT') end
end
return page[1]
`,
  ],
  { isAllowedWhenFull: true },
);

/** KEYS: revocations. ARGV: name. Returns state, id, revokedId, endsMs and changedMs, or nothing. */
export const findRevocationScript = defineScript(
  'find-revocation',
  [
    clockFunctions,
    revocationFunctions,
    `
local failure = repaired(KEYS[1], 'hash')
if failure then return failure end
local state, id, revokedId, ends, changed = readRevocation(redis.call('HGET', KEYS[1], ARGV[1]), (readClock()))
if not state then return {} end
return { state, id, revokedId, msText(ends), msText(changed) }
`,
  ],
  { isAllowedWhenFull: true },
);

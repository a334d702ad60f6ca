// The scripts of presence. Each script uses only one key, because rooms, indexes and leases are in different slots.
// `presence/presence-texts.ts` describes the texts of users. In the hash of a room, `v` is the version, `n` the number of
// connections, and `u<user>` the text of a user.
import { repairFunction } from './repair.js';
import { defineScript } from './script.js';
import { clockFunctions } from './snippets.js';

/** Removes KEYS[1] if it is not a hash. Another program wrote it, because Millrace writes only a hash there. */
const replaceForeign = `${repairFunction}
local failure = repaired(KEYS[1], 'hash')
if failure then return failure end
`;

/**
 * `fieldsOf(line)` returns the fields of a connection, or nil for a line that Millrace has not written. `readUser(text)` returns the
 * time and the lines. `openRoom(key)` reads version and number of connections, and returns an object for `storeUser` and
 * `closeRoom`, which returns the reply.
 */
const roomFunctions = `
local function fieldsOf(line)
  return string.match(line, '^([^|]*)|([^|]*)|(%d+)|([01])|(%d+)|(.*)$')
end
local function readUser(text)
  local lines = {}
  for line in string.gmatch(text or '', '\\n([^\\n]*)') do
    if fieldsOf(line) then lines[#lines + 1] = line end
  end
  return leadingNumber(text), lines
end
local function openRoom(key)
  local meta = redis.call('HMGET', key, 'v', 'n')
  return { key = key, before = leadingNumber(meta[1]) or 0, n = leadingNumber(meta[2]) or 0, pairs = {} }
end
local function storeUser(room, field, old, since, lines, count)
  local text = ''
  if #lines > 0 then text = msText(since) .. '\\n' .. table.concat(lines, '\\n') end
  if text ~= (old or '') then
    room.isChanged = true
    room.n = math.max(0, room.n + #lines - count)
    if text == '' then redis.call('HDEL', room.key, field) else redis.call('HSET', room.key, field, text) end
  end
  room.pairs[#room.pairs + 1] = string.sub(field, 2)
  room.pairs[#room.pairs + 1] = text
end
local function closeRoom(room, lifetimeMs)
  local version = room.before
  if room.isChanged then
    local now, _, micros = readClock()
    version = math.max(version + 1, now * 1000 + micros % 1000)
    redis.call('HSET', room.key, 'v', msText(version), 'n', msText(room.n))
  end
  local users = math.max(0, redis.call('HLEN', room.key) - 2)
  if users == 0 then
    redis.call('DEL', room.key)
    room.n = 0
  elseif lifetimeMs then
    redis.call('PEXPIRE', room.key, lifetimeMs)
  end
  return { msText(room.before), msText(version), users, room.n, room.pairs }
end
`;

/**
 * KEYS: the room. ARGV: holder, end of its lease in ms, lifetime of the key in ms, then for each edit: user, key, and the
 * line of the connection, or '' to remove it. Returns nil if the lease has ended. Otherwise returns the version before, the
 * version, the number of users, the number of connections, and pairs of user and text ('' if the user is not in the room).
 */
const writePieces = [
  clockFunctions,
  replaceForeign,
  roomFunctions,
  `
local holder = ARGV[1]
if (readClock()) >= tonumber(ARGV[2]) then return nil end

local function remove(lines, key)
  for i, line in ipairs(lines) do
    local ofKey, ofHolder = fieldsOf(line)
    if ofKey == key and ofHolder == holder then
      table.remove(lines, i)
      return
    end
  end
end

-- The place of the connection among the lines: its own, or that of a held connection, or a new one. Nil if the edit has no effect.
local function placeOf(lines, key, entered, held)
  local free
  for i, line in ipairs(lines) do
    local ofKey, ofHolder, ofEntered, ofHeld = fieldsOf(line)
    if ofKey == key then
      -- The client may have come back to another gateway with the same key.
      if ofHolder ~= holder and (held == '1' or tonumber(ofEntered) > tonumber(entered)) then return nil end
      return i
    end
    if ofHeld == '1' and not free then free = i end
  end
  if held == '1' then return nil end
  return free or #lines + 1
end

local function put(lines, key, line)
  local _, _, entered, held, stateMs, rest = fieldsOf(line)
  local at = placeOf(lines, key, entered, held)
  if not at then return entered end
  local _, _, _, _, oldStateMs, oldRest = fieldsOf(lines[at] or '')
  if oldStateMs and tonumber(oldStateMs) > tonumber(stateMs) then
    stateMs = oldStateMs
    rest = string.match(rest, '^[^\\t]*') .. (string.match(oldRest, '\\t.*$') or '\\tnull')
  end
  lines[at] = table.concat({ key, holder, entered, held, stateMs, rest }, '|')
  return entered
end

local room = openRoom(KEYS[1])
for at = 4, #ARGV, 3 do
  local field, key, line = 'u' .. ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local old = redis.call('HGET', KEYS[1], field)
  local since, lines = readUser(old)
  local count = #lines
  if line == '' then
    remove(lines, key)
  else
    local entered = tonumber(put(lines, key, line))
    if not since or entered < since then since = entered end
  end
  storeUser(room, field, old, since, lines, count)
end
return closeRoom(room, ARGV[3])
`,
];

/** Writes connections; see {@link writePieces}. */
export const presenceWriteScript = defineScript('presenceWrite', writePieces, { isAllowedWhenFull: false });

/** Does the same for edits that only remove connections. It also runs on a full Redis, so that users who left are not shown. */
export const presenceRemoveScript = defineScript('presenceRemove', writePieces, { isAllowedWhenFull: true });

/**
 * KEYS: the room. ARGV: holder, cursor of HSCAN, number of fields to scan. Removes the connections of a holder from a part of
 * the room. Returns the next cursor, then the values that `presenceWrite` returns.
 */
export const presenceSweepScript = defineScript(
  'presenceSweep',
  [
    clockFunctions,
    replaceForeign,
    roomFunctions,
    `
local room = openRoom(KEYS[1])
local scan = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
local found = scan[2]
for i = 1, #found, 2 do
  if string.byte(found[i]) == 117 then
    local since, lines = readUser(found[i + 1])
    local left = {}
    for _, line in ipairs(lines) do
      local _, holder = fieldsOf(line)
      if holder ~= ARGV[1] then left[#left + 1] = line end
    end
    if #left < #lines then storeUser(room, found[i], found[i + 1], since, left, #lines) end
  end
end
return { scan[1], closeRoom(room) }
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: the room. ARGV: maximum number of users. Returns the version, the number of users, the number of connections, and
 * pairs of user and text. Returns nil instead of the pairs if there are more users than the maximum.
 */
export const presenceReadScript = defineScript(
  'presenceRead',
  [
    clockFunctions,
    replaceForeign,
    `
local meta = redis.call('HMGET', KEYS[1], 'v', 'n')
local users = math.max(0, redis.call('HLEN', KEYS[1]) - 2)
local reply = { meta[1] or '0', users, leadingNumber(meta[2]) or 0 }
if users > tonumber(ARGV[1]) then return reply end
local all, found = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  if string.byte(all[i]) == 117 then
    found[#found + 1] = string.sub(all[i], 2)
    found[#found + 1] = all[i + 1]
  end
end
reply[4] = found
return reply
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: the leases. ARGV: holder, or '' for a new lease; random text; leaseMs; lifetime of the key in ms. Returns the holder ('' if its lease has
 * ended), the end of its lease, the time, the live holders and the ended holders. The number in a holder is a time, so that
 * it rises even if the key was lost.
 */
export const presenceRenewScript = defineScript(
  'presenceRenew',
  [
    clockFunctions,
    replaceForeign,
    `
local holder, now = ARGV[1], (readClock())
local ends = now + tonumber(ARGV[3])
if holder == '' then
  local fence = math.max((leadingNumber(redis.call('HGET', KEYS[1], 'fence')) or 0) + 1, now)
  holder = msText(fence) .. '-' .. ARGV[2]
  redis.call('HSET', KEYS[1], 'fence', msText(fence), holder, msText(ends))
elseif (leadingNumber(redis.call('HGET', KEYS[1], holder)) or 0) > now then
  redis.call('HSET', KEYS[1], holder, msText(ends))
else
  holder = ''
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local all, live, ended = redis.call('HGETALL', KEYS[1]), {}, {}
for i = 1, #all, 2 do
  if string.find(all[i], '^%d+%-') then
    local list = (leadingNumber(all[i + 1]) or 0) > now and live or ended
    list[#list + 1] = all[i]
  end
end
return { holder, msText(ends), msText(now), live, ended }
`,
  ],
  { isAllowedWhenFull: true },
);

/**
 * KEYS: the changes. ARGV: number of entries to keep, lifetime of the key in ms, announcement. The field `b` is the ID of the
 * previous entry. By it, a reader notices missing entries. Returns the ID of the entry.
 */
export const presenceAnnounceScript = defineScript(
  'presenceAnnounce',
  [
    repairFunction,
    `
local failure = repaired(KEYS[1], 'stream')
if failure then return failure end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local before = last[1] and last[1][1] or '0-0'
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'b', before, 'c', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return id
`,
  ],
  { isAllowedWhenFull: false },
);

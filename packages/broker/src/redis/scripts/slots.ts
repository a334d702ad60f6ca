// Claims and releases slots. A slot is a small number that a gateway holds by lease, and that names the gateway's consumer.
import { repairFunction } from './repair.js';
import { defineScript } from './script.js';
import { clockFunctions } from './snippets.js';

/** Milliseconds without a claim after which no slot is kept. */
const UNCLAIMED_MS = 86_400_000;

/**
 * Removes KEYS[1] if it is not a hash. Millrace writes only a hash there. A key of another type would prevent all claims of
 * slots, and therefore all acknowledgements.
 */
const replaceForeign = `${repairFunction}
local failure = repaired(KEYS[1], 'hash')
if failure then return failure end
`;

/**
 * `parseSlot(text)` returns expiresMs, instance, and the owner with any fields that a later build has added after it. It
 * returns nil for a text that no build has written. `isOwner(holder, owner)`: true if `holder` is this owner, with or without
 * such fields.
 */
const slotFunctions = `
local function parseSlot(text)
  local expires, length, rest = string.match(text, '^(%d+)|(%d+)|(.*)$')
  if not expires then return nil end
  length = tonumber(length)
  return tonumber(expires), string.sub(rest, 1, length), string.sub(rest, length + 2)
end
local function isOwner(holder, owner)
  return holder == owner or string.sub(holder or '', 1, #owner + 1) == owner .. '|'
end
`;

/**
 * KEYS: slots. ARGV: owner, leaseMs, preferred slot or 0, instance or '', 1 for a renewal. Returns the owner's slot, then all
 * slots that are held now. A value has the form `expiresMs|length of the instance|instance|owner`. The script removes slots
 * with an expired lease, so that the hash contains only live slots. It ignores a field whose name is not a number. The key expires after
 * a day without a claim.
 */
export const claimSlotScript = defineScript(
  'claimSlot',
  [
    clockFunctions,
    slotFunctions,
    replaceForeign,
    `
local owner, leaseMs, preferred, instance = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local takesOver = instance ~= '' and ARGV[5] ~= '1'
local now = readClock()
local all = redis.call('HGETALL', KEYS[1])
local taken, mine, name = {}, nil, instance
for i = 1, #all, 2 do
  local slot = tonumber(all[i])
  local expires, holderInstance, holder = parseSlot(all[i + 1])
  if slot then
    if not expires or expires <= now then redis.call('HDEL', KEYS[1], all[i])
    elseif isOwner(holder, owner) and not mine then mine, name = slot, holderInstance
    elseif takesOver and holderInstance == instance and not mine then mine = slot
    else taken[slot] = true end
  end
end
if not mine and preferred > 0 and not taken[preferred] then mine = preferred end
if not mine then
  mine = 1
  while taken[mine] do mine = mine + 1 end
end
redis.call('HSET', KEYS[1], tostring(mine), msText(now + leaseMs) .. '|' .. #name .. '|' .. name .. '|' .. owner)
redis.call('PEXPIRE', KEYS[1], math.max(${UNCLAIMED_MS}, leaseMs))
local reply = { mine, mine }
for slot in pairs(taken) do reply[#reply + 1] = slot end
return reply
`,
  ],
  { isAllowedWhenFull: true },
);

/** KEYS: slots. ARGV: owner. Frees every slot of this owner. */
export const releaseSlotScript = defineScript(
  'releaseSlot',
  [
    slotFunctions,
    replaceForeign,
    `
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local _, _, holder = parseSlot(all[i + 1])
  if isOwner(holder, ARGV[1]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return 0
`,
  ],
  { isAllowedWhenFull: true },
);

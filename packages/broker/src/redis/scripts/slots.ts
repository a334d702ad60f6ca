// Slots: small numbers held by lease, which name the consumers.

import { defineScript } from './script.js';
import { clockFunctions } from './snippets.js';

/**
 * KEYS: slots. ARGV: owner, leaseMs, preferred slot or 0. Returns the slot, then every slot held now.
 * Slots whose lease ran out are removed on the way, so the hash holds live slots only.
 */
export const claimSlotScript = defineScript(
  'claimSlot',
  [
    clockFunctions,
    `
local owner, leaseMs, preferred = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = readClock()
local all = redis.call('HGETALL', KEYS[1])
local taken, mine = {}, nil
for i = 1, #all, 2 do
  local slot = tonumber(all[i])
  local expires, holder = string.match(all[i + 1], '^(%d+)|(.*)$')
  if not slot or not expires or tonumber(expires) <= now then redis.call('HDEL', KEYS[1], all[i])
  elseif holder == owner and not mine then mine = slot
  else taken[slot] = true end
end
if not mine and preferred > 0 and not taken[preferred] then mine = preferred end
if not mine then
  mine = 1
  while taken[mine] do mine = mine + 1 end
end
redis.call('HSET', KEYS[1], tostring(mine), msText(now + leaseMs) .. '|' .. owner)
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
    `
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.match(all[i + 1], '^%d+|(.*)$') == ARGV[1] then redis.call('HDEL', KEYS[1], all[i]) end
end
return 0
`,
  ],
  { isAllowedWhenFull: true },
);

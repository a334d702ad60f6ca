// Acquires, renews and releases the lease of a stream. All times come from the clock of Redis.
import { lifeFunctions } from './observe.js';
import { defineScript } from './script.js';
import { clockFunctions } from './snippets.js';

/**
 * KEYS: lease. ARGV: owner, leaseMs, lifetime of the key or '0' for no limit. Returns the fence, or nil if another live owner has the lease. The fence rises when the
 * owner changes, and when an owner renews an expired lease. A call with an older fence has no effect.
 */
export const acquireLeaseScript = defineScript(
  'acquireLease',
  [
    clockFunctions,
    lifeFunctions,
    `
local owner, leaseMs = ARGV[1], tonumber(ARGV[2])
local now = readClock()
local held = redis.call('HMGET', KEYS[1], 'owner', 'expiresMs', 'fence')
local isHeld = held[1] and (leadingNumber(held[2]) or 0) > now
if isHeld and held[1] ~= owner then return nil end
local fence = leadingNumber(held[3]) or 0
if not isHeld then fence = fence + 1 end
redis.call('HSET', KEYS[1], 'owner', owner, 'expiresMs', msText(now + leaseMs), 'fence', msText(fence))
limitLife(ARGV[3], KEYS[1])
return fence
`,
  ],
  { isAllowedWhenFull: true },
);

/** KEYS: lease. ARGV: owner, fence. Ends the lease if it still has this owner and this fence. The fence stays stored. */
export const releaseLeaseScript = defineScript(
  'releaseLease',
  [
    `
local held = redis.call('HMGET', KEYS[1], 'owner', 'fence')
if held[1] == ARGV[1] and held[2] == ARGV[2] then redis.call('HDEL', KEYS[1], 'owner', 'expiresMs') end
return 0
`,
  ],
  { isAllowedWhenFull: true },
);

/** `holdsLease(lease, owner, fence, now)`: true if the lease has this owner and this fence and has not expired. */
export const leaseFunctions = `
local function holdsLease(lease, owner, fence, now)
  local held = redis.call('HMGET', lease, 'owner', 'fence', 'expiresMs')
  return held[1] == owner and held[2] == fence and (leadingNumber(held[3]) or 0) > now
end
`;

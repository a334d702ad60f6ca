// The snippet with which a script repairs a key that another program has written.

/**
 * `repaired(key, kind)` deletes the key if it has another type, which only another program can have given it. It then returns an error
 * with the key; otherwise it returns nil. A script must return that error at once, before it has changed anything: the caller reports
 * the key and runs the script again.
 */
export const repairFunction = `
local function repaired(key, kind)
  local found = redis.call('TYPE', key).ok
  if found == kind or found == 'none' then return nil end
  redis.call('DEL', key)
  return redis.error_reply('REPAIRED ' .. key)
end
`;

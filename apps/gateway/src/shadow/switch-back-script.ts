// Writes the moves of a switch back as a shell script. The script contains no secret: redis-cli reads the password from REDISCLI_AUTH, and
// certificates from the files of the settings. Pure.
import { compareEntryIds, type ServerLocation } from '@millrace/broker';
import type { SwitchBackMove } from './switch-back.js';

/** The server, and the certificates that the connection needs. */
export interface ScriptConnection {
  readonly location: ServerLocation;
  /** True for a setting that is given. The script names the variable of its file. */
  readonly tls: {
    readonly hasCa: boolean;
    readonly hasCertificate: boolean;
    readonly serverName: string | undefined;
  };
}

/** Moves a group forward, never back. The script compares the positions in Redis, because the other service may read again by then. */
const FORWARD = `
local function before(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end
for _, reply in ipairs(redis.call("XINFO", "GROUPS", KEYS[1])) do
  local group = {}
  for i = 1, #reply, 2 do group[reply[i]] = reply[i + 1] end
  if group["name"] == ARGV[1] then
    local isMs, isSeq = string.match(group["last-delivered-id"], "^(%d+)-(%d+)$")
    local toMs, toSeq = string.match(ARGV[2], "^(%d+)-(%d+)$")
    if before(isMs, toMs) or (isMs == toMs and before(isSeq, toSeq)) then
      redis.call("XGROUP", "SETID", KEYS[1], ARGV[1], ARGV[2])
      return KEYS[1] .. ": moved to " .. ARGV[2]
    end
    return KEYS[1] .. ": stays at " .. group["last-delivered-id"]
  end
end
return redis.error_reply("no such group")
`;

/** Returns the script. A group that has read more than Millrace is left where it is. */
export function switchBackScript(
  moves: readonly SwitchBackMove[],
  group: string,
  connection: ScriptConnection,
): string {
  const { hasPassword } = connection.location;
  return [
    '#!/bin/sh',
    `# Lets the consumer group ${commented(group)} continue where Millrace has stopped. No group is moved back.`,
    'set -eu',
    ...(hasPassword
      ? [': "${REDISCLI_AUTH:?set REDISCLI_AUTH to the password of Redis}"', 'export REDISCLI_AUTH']
      : []),
    `redis() { redis-cli -e ${connectionArgs(connection).join(' ')} "$@"; }`,
    `forward=${quoted(FORWARD)}`,
    ...moves.map((move) => lineOf(move, group)),
  ].join('\n');
}

function lineOf({ key, position, lastDeliveredId }: SwitchBackMove, group: string): string {
  if (key.includes('\0'))
    return `# ${commented(key)}: the key has a NUL byte, which a shell cannot pass on. Move its group with a program`;
  if (compareEntryIds(position, lastDeliveredId) <= 0)
    return `# ${commented(key)}: the group is at ${lastDeliveredId}, and Millrace at ${position}: nothing to do`;
  return `redis EVAL "$forward" 1 ${quoted(key)} ${quoted(group)} ${position}`;
}

function connectionArgs({ location, tls }: ScriptConnection): readonly string[] {
  const { address, isSocket, isCluster, isTls, database, username } = location;
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return [
    ...(isCluster ? ['-c'] : []),
    ...(isSocket ? ['-s', quoted(address)] : ['-h', quoted(host), '-p', address.slice(colon + 1)]),
    ...(database === 0 ? [] : ['-n', String(database)]),
    ...(username === '' ? [] : ['--user', quoted(username)]),
    ...(isTls ? ['--tls'] : []),
    ...(isTls && tls.hasCa ? ['--cacert', fileOf('CA')] : []),
    ...(isTls && tls.hasCertificate ? ['--cert', fileOf('CERT'), '--key', fileOf('KEY')] : []),
    ...(isTls && tls.serverName !== undefined ? ['--sni', quoted(tls.serverName)] : []),
  ];
}

function fileOf(part: string): string {
  return `"\${MILLRACE_REDIS_TLS_${part}_FILE:?set it to the file that the gateway uses}"`;
}

/** Quotes a text for the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Returns a text for a comment. A line end in it would end the comment. */
function commented(text: string): string {
  return JSON.stringify(text);
}

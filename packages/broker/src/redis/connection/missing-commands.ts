// Names the commands of a script that the server does not have, or that the user may not run. Redis names neither if a script calls
// them.
import { ErrorReply } from '../resp/reply-cursor.js';
import { defineScript, type Script } from '../scripts/script.js';

/**
 * ARGV: commands, with their subcommands. Returns `unknown <command>` for each command that the server does not have, and
 * `forbidden <command>` for each that the user may not run.
 */
const checkScript = defineScript(
  'missingCommands',
  [
    `
local missing = {}
for i = 1, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do words[#words + 1] = word end
  local isKnown, isAllowed = pcall(redis.acl_check_cmd, unpack(words))
  if not isKnown then missing[#missing + 1] = 'unknown ' .. ARGV[i]
  elseif not isAllowed then missing[#missing + 1] = 'forbidden ' .. ARGV[i] end
end
return missing
`,
  ],
  { isAllowedWhenFull: true },
);

/** True for the error text of a script that has called a command which the server does not have, or which the user may not run. */
export function isMissingCommand(message: string): boolean {
  return /Unknown Redis command called from script|can't run this command/.test(message);
}

/**
 * Resolves to an error that names the missing command if the script has failed for that reason. Otherwise, and if the server does not
 * tell which command it is, resolves to `failure` itself.
 */
export async function namedError(
  failure: unknown,
  { name, source }: Script,
  send: (args: readonly string[]) => Promise<unknown>,
): Promise<unknown> {
  if (!(failure instanceof ErrorReply) || !isMissingCommand(failure.message)) return failure;
  const reply = await send(['EVAL', checkScript.source, '0', ...commandsOf(source)]).catch(() => []);
  const missing = Array.isArray(reply) ? reply.map(String) : [];
  const [kind, ...words] = (missing[0] ?? '').split(' ');
  const command = words.join(' ');
  if (command === '') return failure;
  return new ErrorReply(
    kind === 'unknown'
      ? `ERR unknown command '${command}', which the script ${name} needs`
      : `NOPERM the user has no permissions to run the '${command}' command, which the script ${name} needs`,
  );
}

/** Returns the commands that a script calls. */
function commandsOf(source: string): readonly string[] {
  const calls = source.matchAll(/redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?/g);
  return [
    ...new Set(
      Array.from(calls, ([, command = '', next]) =>
        next !== undefined && /^X(?:INFO|GROUP)$/.test(command) ? `${command} ${next}` : command,
      ),
    ),
  ];
}

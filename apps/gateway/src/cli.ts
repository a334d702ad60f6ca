// Declares the commands of the `millrace` program. Each command is in a separate file that is loaded only
// when the command runs. Therefore a command such as `tail` does not load the whole server.
import { isEntryId } from '@millrace/broker';
import { Command, InvalidArgumentError } from 'commander';
import type { ActionCommandOptions, CommonOptions, ListCommandOptions } from './commands/dead-letters.js';
import type { TailCommandOptions } from './commands/tail.js';
import type { TokenCommandOptions } from './commands/token.js';
import { GatewayError } from './errors.js';
import { version } from './version.js';

const defaultUrl = 'http://localhost:4400';

const program = new Command('millrace')
  .description('Typed real-time events through Redis Streams to SignalR clients.')
  .version(version);

program
  .command('serve')
  .description('run the gateway; configured by MILLRACE_* variables')
  .option('--dev', 'development mode: what is not configured is open, on loopback only (as MILLRACE_DEV=1)')
  .option('--demo', 'serve the helpdesk demo (as MILLRACE_DEMO=1)')
  .action(async (options: { readonly dev?: boolean; readonly demo?: boolean }) => {
    const { serve } = await import('./commands/serve.js');
    await serve({ isDevelopment: options.dev === true, hasDemo: options.demo === true });
  });

program
  .command('tail')
  .description('print the events of a room as they arrive')
  .requiredOption('--room <id>', 'room to join; user:me for your own')
  .option('--url <url>', 'address of the gateway', httpUrl, defaultUrl)
  .option('--token <jwt>', 'access token (not needed in development mode)')
  .option('--json', 'whole events, one JSON object a line')
  .option('--count <n>', 'end after this number of events', positiveInteger)
  .action(async (options: TailCommandOptions) => {
    const { tail } = await import('./commands/tail.js');
    await tail(options);
  });

program
  .command('token')
  .description('sign a token with MILLRACE_JWT_SECRET, for trying things out')
  .requiredOption('--sub <user>', 'user ID; a UUID if the user is to type or to mark messages as read')
  .option('--name <name>', 'display name')
  .option('--rooms <ids>', 'rooms the user may enter, comma-separated; a trailing * is a prefix', '')
  .option('--minutes <n>', 'time for which the token is valid', positiveInteger, 60)
  .action(async (options: TokenCommandOptions) => {
    const { mintToken } = await import('./commands/token.js');
    await mintToken(options);
  });

const deadLetters = program
  .command('dead-letters')
  .description(
    'list, replay or drop rejected entries; in the Redis of MILLRACE_REDIS_URL (and MILLRACE_REDIS_KEY_PREFIX)',
  );

deadLetters
  .command('list')
  .description('print dead letters, newest first')
  .option('--stream <name>', 'of this stream and its partitions only')
  .option('--limit <n>', 'at most this number, up to 1000', listLimit, 20)
  .option('--before <id>', 'only older ones than this dead letter: the next page', entryId)
  .option('--json', 'whole dead letters, one JSON object a line')
  .action(async (options: ListCommandOptions) => {
    const { listDeadLetters } = await import('./commands/dead-letters.js');
    await listDeadLetters(options);
  });

deadLetters
  .command('show')
  .description('print one dead letter with its reason and fields')
  .argument('<id>', 'ID of the dead letter, as list prints it', entryId)
  .option('--stream <name>', 'where it is; needed when two streams have one with this ID')
  .option('--json', 'the whole dead letter as one JSON object')
  .action(async (id: string, options: CommonOptions) => {
    const { showDeadLetter } = await import('./commands/dead-letters.js');
    await showDeadLetter(id, options);
  });

deadLetters
  .command('replay')
  .description('put entries back into their stream, unchanged, and remove the dead letters')
  .argument('[ids...]', 'IDs of dead letters', entryIds)
  .option('--all', 'all that are there now, oldest first; asks nothing')
  .option('--stream <name>', 'of this stream and its partitions only')
  .option('--limit <n>', 'with --all: at most so many', positiveInteger)
  .option('--json', 'what became of each, one JSON object a line')
  .action(async (ids: readonly string[], options: ActionCommandOptions) => {
    const { applyDeadLetterAction } = await import('./commands/dead-letters.js');
    await applyDeadLetterAction('replay', ids, options);
  });

deadLetters
  .command('drop')
  .description('remove dead letters for good')
  .argument('[ids...]', 'IDs of dead letters', entryIds)
  .option('--all', 'all that are there now, oldest first; asks nothing')
  .option('--stream <name>', 'of this stream and its partitions only')
  .option('--limit <n>', 'with --all: at most so many', positiveInteger)
  .option('--json', 'what became of each, one JSON object a line')
  .action(async (ids: readonly string[], options: ActionCommandOptions) => {
    const { applyDeadLetterAction } = await import('./commands/dead-letters.js');
    await applyDeadLetterAction('drop', ids, options);
  });

try {
  await program.parseAsync(argumentsOf(process.argv), { from: 'user' });
} catch (error) {
  // An error that the user can fix is printed in one line. Any other error is a defect of the program, and is printed with its
  // stack.
  console.error(error instanceof GatewayError ? `millrace: ${error.message}` : error);
  process.exitCode = 1;
}

/** Removes the `--` that npx leaves in `npx millrace -- --help`. Without arguments, the program prints its help. */
function argumentsOf([, , ...given]: readonly string[]): readonly string[] {
  const args = given[0] === '--' ? given.slice(1) : given;
  return args.length === 0 ? ['--help'] : args;
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('It must be an address such as http://localhost:4400.');
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return Number(text);
}

function listLimit(text: string): number {
  const limit = positiveInteger(text);
  if (limit > 1_000) throw new InvalidArgumentError('It must be 1000 at most; --before gives the next ones.');
  return limit;
}

function entryId(text: string): string {
  if (!isEntryId(text)) throw new InvalidArgumentError('It must be an ID such as 1768557600000-0.');
  return text;
}

function entryIds(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, entryId(text)];
}

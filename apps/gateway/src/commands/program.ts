// Declares the commands of the `millrace` program. Each command has its own file, which is loaded only when the command runs.
// Therefore a command such as `tail` does not load the whole server. docs/cli.md is generated from these declarations.
import { Command } from 'commander';
import { version } from '../version.js';
import type { ActionCommandOptions, CommonOptions, ListCommandOptions } from './dead-letters.js';
import type { EraseCommandOptions } from './erase.js';
import {
  credential,
  duration,
  entryId,
  entryIds,
  httpUrl,
  listLimit,
  positiveInteger,
  refuseEmptyValues,
  texts,
  tokenMinutes,
} from './option-values.js';
import type { ShadowCommandOptions } from './shadow.js';
import type { TailCommandOptions } from './tail.js';
import type { TokenCommandOptions } from './token.js';

const defaultUrl = 'http://localhost:4400';

/** The program with all its commands. */
export const program = new Command('millrace')
  .description('Typed real-time events through Redis Streams to SignalR clients.')
  .version(version)
  // The commands end by themselves. An exit would hide a failed write to standard output.
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'millrace:')) });

program
  .command('serve')
  .description('run the gateway; configured by MILLRACE_* variables')
  .showHelpAfterError('(settings are environment variables, such as MILLRACE_PORT)')
  .option('--dev', 'development mode: what is not configured is open, on loopback only (as MILLRACE_DEV=1)')
  .option('--app <module>', 'serve an application module: a path, or the name of a package (as MILLRACE_APP)')
  .action(async (options: { readonly dev?: boolean; readonly app?: string }) => {
    const { serve } = await import('./serve.js');
    await serve({ isDevelopment: options.dev === true, app: options.app });
  });

program
  .command('check')
  .description('check an application module, and print what it serves')
  .requiredOption('--app <module>', 'a path that begins with ./, or the name of a package')
  .action(async (options: { readonly app: string }) => {
    const { checkApplicationModule } = await import('./check.js');
    await checkApplicationModule(options);
  });

program
  .command('tail')
  .description('print the events of a room as they arrive')
  .requiredOption('--room <id>', 'room to join; user:me for your own')
  .option('--url <url>', 'address of the gateway', httpUrl, defaultUrl)
  .option('--token <jwt>', 'access token (not needed in development mode)', credential('--token'))
  .option('--json', 'whole events, one JSON object a line')
  .option('--count <n>', 'end after this number of events', positiveInteger)
  .action(async (options: TailCommandOptions) => {
    const { tail } = await import('./tail.js');
    await tail(options);
  });

program
  .command('token')
  .description('sign a token with MILLRACE_JWT_SECRET, for trying things out')
  .requiredOption('--sub <user>', 'user ID; a UUID if the user is to type or to mark messages as read')
  .option('--name <name>', 'display name')
  .option('--rooms <ids>', 'rooms the user may enter, comma-separated; a trailing * is a prefix', texts)
  .option('--minutes <n>', 'time for which the token is valid', tokenMinutes, 60)
  .action(async (options: TokenCommandOptions) => {
    const { mintToken } = await import('./token.js');
    await mintToken(options);
  });

program
  .command('erase')
  .description('erase events for good: one event, all events of a room, or all events of a user')
  .option('--event <id>', 'ID of the event')
  .option('--user <id>', 'all events that name this user as sender or as another person')
  .option('--room <id>', 'all events of this room; with --event or --user, search in this room only')
  .option('--url <url>', 'address of the gateway', httpUrl, defaultUrl)
  .option('--key <key>', 'API key with the scope erase (not needed in development mode)', credential('--key'))
  .option('--key-file <path>', 'file with this key')
  .option('--json', 'the outcome as one JSON object')
  .action(async (options: EraseCommandOptions) => {
    const { erase } = await import('./erase.js');
    await erase(options);
  });

program
  .command('shadow')
  .description(
    'run beside the service that Millrace is to replace, compare, and say when it is safe to switch; only reads from MILLRACE_REDIS_URL',
  )
  .option('--app <module>', 'application module with the streams: a path, or a package (as MILLRACE_APP)')
  .option('--group <name>', 'consumer group of the other service', 'signalr-consumers')
  .option('--duration <time>', 'end after this time, such as 24h, 90m or 30s', duration, duration('24h'))
  .option('--json', 'the result as one JSON object')
  .option(
    '--switch-back',
    'print the commands that let the other service continue where Millrace has stopped',
  )
  .action(async (options: Omit<ShadowCommandOptions, 'durationMs'> & { readonly duration: number }) => {
    const { shadow } = await import('./shadow.js');
    await shadow({ ...options, durationMs: options.duration });
  });

/** The option of commands that need the streams of an application. */
const ofApplication = [
  '--app <module>',
  'use the streams of this application module (as MILLRACE_APP), not the built-in ones',
] as const;

const deadLetters = program
  .command('dead-letters')
  .description(
    'list, replay or drop rejected entries; in the Redis of MILLRACE_REDIS_URL (and MILLRACE_REDIS_KEY_PREFIX)',
  );

deadLetters
  .command('list')
  .description('print dead letters, newest first')
  .option(...ofApplication)
  .option('--stream <name>', 'only this stream and its partitions')
  .option('--limit <n>', 'maximum number of dead letters, up to 1000', listLimit, 20)
  .option('--before <id>', 'only dead letters older than this one: the next page', entryId)
  .option('--json', 'whole dead letters, one JSON object a line')
  .action(async (options: ListCommandOptions) => {
    const { listDeadLetters } = await import('./dead-letters.js');
    await listDeadLetters(options);
  });

deadLetters
  .command('show')
  .description('print one dead letter with its reason and fields')
  .option(...ofApplication)
  .argument('<id>', 'ID of the dead letter, as list prints it', entryId)
  .option(
    '--stream <name>',
    'stream of the dead letter; needed if two streams have a dead letter with this ID',
  )
  .option('--json', 'the whole dead letter as one JSON object')
  .action(async (id: string, options: CommonOptions) => {
    const { showDeadLetter } = await import('./dead-letters.js');
    await showDeadLetter(id, options);
  });

for (const [action, description] of [
  ['replay', 'put entries back into their stream, unchanged, and remove the dead letters'],
  ['drop', 'remove dead letters for good'],
] as const)
  deadLetters
    .command(action)
    .description(description)
    .option(...ofApplication)
    .argument('[ids...]', 'IDs of dead letters', entryIds)
    .option('--all', 'all that exist now, oldest first, without confirmation')
    .option('--stream <name>', 'only this stream and its partitions')
    .option('--limit <n>', 'with --all: at most this many', positiveInteger)
    .option('--json', 'the outcome of each, one JSON object a line')
    .action(async (ids: readonly string[], options: ActionCommandOptions) => {
      const { applyDeadLetterAction } = await import('./dead-letters.js');
      await applyDeadLetterAction(action, ids, options);
    });

refuseEmptyValues(program);

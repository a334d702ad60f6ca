// The `millrace` program: which commands there are. Each command is a file of its own.
import { Command, InvalidArgumentError } from 'commander';
import { serve } from './commands/serve.js';
import { tail } from './commands/tail.js';
import { mintToken } from './commands/token.js';
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
    await serve({ isDevelopment: options.dev === true, hasDemo: options.demo === true });
  });

program
  .command('tail')
  .description('print the events of a room as they arrive')
  .requiredOption('--room <id>', 'room to join; user:me for your own')
  .option('--url <url>', 'address of the gateway', httpUrl, defaultUrl)
  .option('--token <jwt>', 'access token (not needed in development mode)')
  .option('--json', 'whole events, one JSON object a line')
  .option('--count <n>', 'end after so many events', positiveInteger)
  .action(tail);

program
  .command('token')
  .description('sign a token with MILLRACE_JWT_SECRET, for trying things out')
  .requiredOption('--sub <user>', 'user ID; a UUID if the user is to type or to mark messages as read')
  .option('--name <name>', 'display name')
  .option('--rooms <ids>', 'rooms the user may enter, comma-separated; a trailing * is a prefix', '')
  .option('--minutes <n>', 'how long the token is good', positiveInteger, 60)
  .action(mintToken);

try {
  await program.parseAsync();
} catch (error) {
  // What a person can mend is said in one line; anything else is a fault of the program, with its stack.
  console.error(error instanceof GatewayError ? `millrace: ${error.message}` : error);
  process.exitCode = 1;
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('It must be an address such as http://localhost:4400.');
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return Number(text);
}

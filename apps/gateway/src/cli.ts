// Runs the `millrace` program. Its commands are declared in commands/program.ts.
import { CommanderError } from 'commander';
import { program } from './commands/program.js';
import { watchStandardOutput } from './commands/standard-output.js';
import { GatewayError } from './errors.js';

watchStandardOutput();
try {
  await program.parseAsync(argumentsOf(process.argv), { from: 'user' });
} catch (error) {
  // Commander has printed its error, or the help.
  if (error instanceof CommanderError) process.exitCode ??= error.exitCode;
  else {
    // An error that the user can correct is printed in one line. Any other error is a defect of the program, and is printed
    // with its stack.
    console.error(error instanceof GatewayError ? await lineOf(error) : error);
    process.exitCode = 1;
  }
}

/** Returns the line that explains an error. The settings are loaded here, because no other part of this file needs them. */
async function lineOf({ message }: GatewayError): Promise<string> {
  const { withGivenNames } = await import('./settings/environment.js');
  return `millrace: ${withGivenNames(message, process.env)}`;
}

/**
 * Removes the `--` that npx leaves in `npx millrace -- --help`. Without arguments, the program prints its help. `help` with names of
 * commands becomes `--help` of the last one, so that an unknown name is refused; Commander itself would print the help of another.
 */
function argumentsOf([, , ...given]: readonly string[]): readonly string[] {
  const [name, ...rest] = given[0] === '--' ? given.slice(1) : given;
  if (name === undefined) return ['--help'];
  if (name !== 'help' || rest.length === 0 || rest[0]?.startsWith('-') === true) return [name, ...rest];
  let command = program;
  const path: string[] = [];
  for (const each of rest) {
    if (command.commands.length === 0) break;
    path.push(each);
    const child = command.commands.find((known) => known.name() === each);
    if (child === undefined) return path;
    command = child;
  }
  return [...path, '--help'];
}

// Runs the `millrace` program. Its commands are declared in commands/program.ts.
import { program } from './commands/program.js';
import { GatewayError } from './errors.js';

try {
  await program.parseAsync(argumentsOf(process.argv), { from: 'user' });
} catch (error) {
  // An error that the user can correct is printed in one line. Any other error is a defect of the program, and is printed
  // with its stack.
  console.error(error instanceof GatewayError ? await lineOf(error) : error);
  process.exitCode = 1;
}

/** Returns the line that explains an error. The settings are loaded here, because no other part of this file needs them. */
async function lineOf({ message }: GatewayError): Promise<string> {
  const { withGivenNames } = await import('./settings/environment.js');
  return `millrace: ${withGivenNames(message, process.env)}`;
}

/** Removes the `--` that npx leaves in `npx millrace -- --help`. Without arguments, the program prints its help. */
function argumentsOf([, , ...given]: readonly string[]): readonly string[] {
  const args = given[0] === '--' ? given.slice(1) : given;
  return args.length === 0 ? ['--help'] : args;
}

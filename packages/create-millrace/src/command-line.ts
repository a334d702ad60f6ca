// Reads the arguments of `npm create millrace`.
import { parseArgs } from 'node:util';
import { BACKENDS, type Backend, backendNamed } from './backends.js';
import { CreateError } from './create-error.js';

/** The arguments. A missing one is asked for, or gets its default. */
export interface CommandLine {
  readonly folder: string | undefined;
  readonly backend: Backend | undefined;
  /** True if the program must not ask. */
  readonly isYes: boolean;
  readonly isHelp: boolean;
}

/** The text of `--help`. */
export const usage = `Usage: npm create millrace [folder] -- [options]

Writes a new project: a gateway with one event type of your own, a backend, and a React page.

Options:
  --backend <${BACKENDS.join('|')}>  language of the backend
  -y, --yes                    ask nothing: the folder millrace-app and Express, unless given
  -h, --help                   print this text`;

/** @throws CreateError if an argument is unknown */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parsed(args);
  if (positionals.length > 1)
    throw new CreateError(
      `One folder is expected, not ${positionals.length}: ${positionals.join(', ')}. npm passes options on only after two hyphens: npm create millrace my-app -- --backend express.`,
    );
  const { backend } = values;
  const known = backend === undefined ? undefined : backendNamed(backend);
  if (backend !== undefined && known === undefined)
    throw new CreateError(
      `There is no backend "${backend}". Give --backend ${BACKENDS.join(' or --backend ')}.`,
    );
  return {
    folder: positionals[0],
    backend: known,
    isYes: values.yes ?? false,
    isHelp: values.help ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        backend: { type: 'string' },
        yes: { type: 'boolean', short: 'y' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    throw new CreateError(`${reason.replace(/\.$/, '')}. See npm create millrace -- --help.`);
  }
}

// Loads the application module that `--app` or MILLRACE_APP names. The name is a path or the name of an installed package.
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AnyCatalog } from '@millrace/contract';
import { type Clock, messageOf } from '@millrace/internal';
import { GatewayError } from '../errors.js';
import type { Application } from './application.js';
import { settledInTime, WAIT_LIMIT_MS } from './application-wait.js';
import { checkApplication } from './check-application.js';

/**
 * Loads and checks an application module.
 * @param module a path that is absolute or begins with `./` or `../` (relative to the working directory), or the name of a
 *   package
 * @throws GatewayError `invalid_configuration` if the module does not exist, fails while it loads, has not loaded at the limit, or
 *   exports no application
 */
export async function loadApplication(
  module: string,
  clock: Pick<Clock, 'startTimer'> = unreferencedTimers,
): Promise<Application<AnyCatalog>> {
  const imported = await settledInTime(importModule(module, addressOf(module)), {
    clock,
    onLongWait: () =>
      console.error(`millrace: waiting for an await at the top level of the application module ${module}`),
    overdue: () =>
      invalid(
        `The application module ${module} has not loaded within ${WAIT_LIMIT_MS / 1_000} s: an await at its top level does not settle.`,
      ),
  });
  const source = `The default export of ${module}`;
  if (!Object.hasOwn(imported, 'default'))
    throw invalid(`${module} has no default export. Export the result of defineApp({ … }) as default.`);
  return checkApplication(imported['default'], source);
}

/**
 * Timers that do not keep the process running. A module that waits while nothing else happens thus ends the process at once; see
 * `tellIfProcessEnds`.
 */
const unreferencedTimers: Pick<Clock, 'startTimer'> = {
  startTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

/** Returns the address to import. A package is searched for from the working directory, then from the gateway. */
function addressOf(module: string): string {
  if (isAbsolute(module) || /^\.{1,2}\//.test(module)) {
    const path = resolve(module);
    if (!existsSync(path))
      throw invalid(
        `The application module ${path} does not exist. Correct the path in --app or MILLRACE_APP.`,
      );
    if (statSync(path).isDirectory())
      throw invalid(
        `The application module ${path} is a folder: give the path of the file that exports the application.`,
      );
    if (/\.[cm]?ts$/.test(path) && !stripsTypes())
      throw invalid(
        `${module} is TypeScript, which Node ${process.versions.node} cannot load. Compile it to JavaScript, or use Node 22.18 or newer.`,
      );
    return pathToFileURL(path).href;
  }
  try {
    return pathToFileURL(createRequire(resolve('package.json')).resolve(module)).href;
  } catch {
    return module;
  }
}

function stripsTypes(): boolean {
  // Node has this property only in versions that can strip types.
  return Boolean((process.features as { readonly typescript?: unknown }).typescript);
}

async function importModule(module: string, address: string): Promise<Readonly<Record<string, unknown>>> {
  const forget = tellIfProcessEnds(module);
  try {
    return (await import(address)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    // A module may throw any value, even `null`.
    const { code } = Object(cause) as NodeJS.ErrnoException;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' && address === module;
    const [reason] = messageOf(cause).split('\n');
    throw invalid(
      isMissing
        ? `The application module ${module} is not installed. Give a path that begins with ./, or install the package.`
        : `The application module ${module} could not be loaded: ${reason}${placeOf(cause, address)}`,
      cause,
    );
  } finally {
    forget();
  }
}

/**
 * Returns the place in the module where loading it failed. Node gives none for a syntax error; then a command that prints the
 * line.
 */
function placeOf(cause: unknown, address: string): string {
  if (!(cause instanceof Error)) return '';
  const places: readonly string[] = (cause.stack ?? '').match(/file:\/\/[^\s)]+?:\d+(:\d+)?/g) ?? [];
  // A package that refuses a declaration throws in a file of its own. The mistake is in the file of the application that called it.
  const folderEnd = address.lastIndexOf('/') + 1;
  const isOwn = (place: string): boolean =>
    place.startsWith(address.slice(0, folderEnd)) && !place.slice(folderEnd).includes('/node_modules/');
  const place = places.find(isOwn) ?? places.find((other) => !other.includes('/node_modules/')) ?? places[0];
  if (place !== undefined) return ` (${place})`;
  const isFile = cause instanceof SyntaxError && address.startsWith('file:');
  return isFile ? `. To see the line, run node ${fileURLToPath(address)}` : '';
}

/**
 * Prints the reason if the process ends while the module loads, and sets the exit code 1. This happens if the module calls
 * `process.exit`, or if it awaits a promise that nothing can settle: Node then has nothing left to do. Returns a function that
 * ends this.
 */
function tellIfProcessEnds(module: string): () => void {
  const tell = (): void => {
    const reason = 'it ended the process, or waits for something that never happens (await at the top level)';
    console.error(`millrace: The application module ${module} was not loaded: ${reason}.`);
    process.exitCode = 1;
  };
  process.once('exit', tell);
  return () => process.off('exit', tell);
}

function invalid(message: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid_configuration', message, cause === undefined ? undefined : { cause });
}

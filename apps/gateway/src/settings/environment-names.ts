// Finds variables that look like settings but are not.
import { nearestName } from '@millrace/internal';
import { GatewayError } from '../errors.js';
import { mayBeFile } from './setting-kinds.js';
import { SETTINGS } from './settings.js';

/** Every variable that the gateway reads. docs/settings.md explains the variables. */
export const VARIABLE_NAMES: readonly string[] = SETTINGS.flatMap(({ variable, kind }) =>
  mayBeFile(kind) ? [variable, `${variable}_FILE`] : [variable],
);

// Maximum number of reported variables. More unknown variables are not a typing mistake: they belong to another program.
const maxReported = 10;
const maxNameLength = 64;

// Kubernetes sets variables with these names in every container if a service has the name "millrace".
const byKubernetes = /^MILLRACE_(?:SERVICE_|PORT_\d)/;

/**
 * Refuses variables that begin with `MILLRACE_`, in any case, but are not settings. A misspelt setting would otherwise be
 * ignored silently.
 *
 * @throws GatewayError `invalid_configuration` with at most 10 names and without values, which may be secrets
 */
export function checkVariableNames(variables: NodeJS.ProcessEnv): void {
  const known: ReadonlySet<string> = new Set(VARIABLE_NAMES);
  const unknown = Object.keys(variables)
    .filter((name) => /^millrace_/i.test(name) && !known.has(name) && !byKubernetes.test(name))
    .slice(0, maxReported)
    .map((name) => name.slice(0, maxNameLength));
  if (unknown.length === 0) return;
  throw new GatewayError('invalid_configuration', unknown.map(describe).join(' '));
}

function describe(name: string): string {
  const nearest = nearestName(name.toUpperCase(), VARIABLE_NAMES, 'MILLRACE_');
  const hint = nearest === undefined ? 'docs/settings.md lists the settings.' : `Did you mean ${nearest}?`;
  return `${name} is not a setting. ${hint}`;
}

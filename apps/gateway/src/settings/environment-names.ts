// Lists the names of all settings, and finds variables that look like settings but are not.

/** Every variable that the gateway reads; README.md explains them. */
export const VARIABLE_NAMES = [
  'MILLRACE_PORT',
  'MILLRACE_HOST',
  'MILLRACE_REDIS_URL',
  'MILLRACE_PARTITIONS',
  'MILLRACE_JWT_SECRET',
  'MILLRACE_JWKS_URL',
  'MILLRACE_JWKS_MAX_STALE_MS',
  'MILLRACE_API_KEYS',
  'MILLRACE_ALLOWED_ORIGINS',
  'MILLRACE_DRAIN_MS',
  'MILLRACE_INSTANCE',
  'MILLRACE_INSTANCE_URL',
  'MILLRACE_CONNECTION_KEYS',
  'MILLRACE_LOG_LEVEL',
  'MILLRACE_DEV',
  'MILLRACE_DEMO',
] as const;

/** One of {@link VARIABLE_NAMES}. */
export type VariableName = (typeof VARIABLE_NAMES)[number];

/** A variable that looks like a setting but is not. */
export interface UnknownVariable {
  /** Its name, cut to 64 characters. Its value is left out, because it may be a secret. */
  readonly name: string;
  /** The setting that was probably meant. Absent if no name is similar. */
  readonly nearest?: VariableName;
}

// Maximum number of reported variables. A larger number are not typing mistakes, but belong to another program.
const maxUnknown = 10;
const maxNameLength = 64;

// Kubernetes sets variables with these names in every container if a service is called "millrace".
const byKubernetes = /^MILLRACE_(?:SERVICE_|PORT_\d)/;

/** Returns at most 10 variables that begin with `MILLRACE_`, in upper or lower case, but are not settings. */
export function unknownVariables(variables: NodeJS.ProcessEnv): readonly UnknownVariable[] {
  const known: ReadonlySet<string> = new Set(VARIABLE_NAMES);
  return Object.keys(variables)
    .filter((name) => /^millrace_/i.test(name) && !known.has(name) && !byKubernetes.test(name))
    .slice(0, maxUnknown)
    .map((name) => name.slice(0, maxNameLength))
    .map((name) => {
      const nearest = nearestTo(name.toUpperCase());
      return nearest === undefined ? { name } : { name, nearest };
    });
}

/** Describes the variable in a sentence. */
export function describeUnknownVariable({ name, nearest }: UnknownVariable): string {
  const hint = nearest === undefined ? 'README.md lists the settings.' : `Did you mean ${nearest}?`;
  return `${name} is not a setting and is ignored. ${hint}`;
}

/** Returns the setting that begins with this name, else the one with the fewest edits: at most one per three characters. */
function nearestTo(name: string): VariableName | undefined {
  const ownLength = name.length - 'MILLRACE_'.length;
  const longer = VARIABLE_NAMES.find((candidate) => ownLength > 2 && candidate.startsWith(`${name}_`));
  const [nearest] = VARIABLE_NAMES.map((candidate) => ({
    candidate,
    edits: editsBetween(name, candidate),
  })).sort((a, b) => a.edits - b.edits);
  const isNear = nearest !== undefined && nearest.edits <= Math.max(1, Math.ceil(ownLength / 3));
  return longer ?? (isNear ? nearest.candidate : undefined);
}

/** Levenshtein distance, computed one row of its table at a time. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index += 1) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (from[index] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

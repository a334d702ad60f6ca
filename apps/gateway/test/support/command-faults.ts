// Compares a command that a page shows with the product: subcommands and options of `millrace`, scripts of npm, HTTP routes, and
// settings.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { program } from '../../src/commands/program.js';
import { VARIABLE_NAMES } from '../../src/settings/environment-names.js';
import type { ShellCommand } from './shell-commands.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const readJson = (path: string): unknown => JSON.parse(readFileSync(`${root}${path}`, 'utf8'));
/** The scripts of this repository, and those of the projects that `npm create millrace` writes. */
const scripts = [
  '',
  'packages/create-millrace/templates/express/',
  'packages/create-millrace/templates/fastapi/',
].flatMap((folder) =>
  Object.keys((readJson(`${folder}package.json`) as { readonly scripts: object }).scripts),
);
const { paths } = readJson('docs/contract/openapi.json') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** Programs whose arguments are not compared with anything. */
const OTHERS = new Set(
  (
    'alias apt-get bash buildah cat cd chmod chown cp createdb curl-config date docker dotnet echo export grep haproxy helm install jq kill kubectl ln ls mkdir ' +
    'mv nginx openssl pip podman printf psql python3 redis-cli redis-server rm sed set sh sleep sort source sysctl systemctl tail tar tee test touch ' +
    'trap true unset uvicorn wait wget'
  ).split(' '),
);
const NPM_COMMANDS = new Set(['ci', 'install', 'start', 'test', 'create', 'init', 'pack', 'ls', 'help']);
const DEPENDENCIES = new Set(['vitest', 'tsc', 'changeset', 'oxlint', 'knip', 'vite', 'create-millrace']);

/** Returns what is wrong with a command, or undefined. */
export function commandFault({ variables, words }: ShellCommand): string | undefined {
  const unknown = variables.find((name) => name.startsWith('MILLRACE_') && !isSetting(name));
  if (unknown !== undefined) return `there is no setting ${unknown}`;
  const [name, ...args] = words;
  if (name === undefined || OTHERS.has(name.replace(/^.*\//, '')) || /^[<[{}$]/.test(name)) return undefined;
  if (name === 'sudo') return commandFault({ variables: [], words: args });
  if (name === 'curl') return curlFault(args);
  if (name === 'npm') return npmFault(args);
  if (name === 'npx') return npxFault(args);
  if (name === 'millrace') return millraceFault(args);
  if (name === 'node') return nodeFault(args);
  return `the program ${name} is unknown: correct it, add it to \`OTHERS\`, or mark the block as \`illustration\``;
}

const isSetting = (name: string): boolean =>
  VARIABLE_NAMES.includes(name) || VARIABLE_NAMES.includes(name.replace(/_FILE$/, ''));

function npmFault([command = '', script = '']: readonly string[]): string | undefined {
  if (command !== 'run') return NPM_COMMANDS.has(command) ? undefined : `npm has no command ${command}`;
  return scripts.includes(script) ? undefined : `package.json has no script ${script}`;
}

function npxFault(args: readonly string[]): string | undefined {
  const [name = '', ...rest] = args.filter((word) => word !== '--no' && word !== '--' && word !== '--yes');
  if (name === 'millrace') return millraceFault(rest);
  return DEPENDENCIES.has(name) ? undefined : `npx ${name} is unknown`;
}

function nodeFault(args: readonly string[]): string | undefined {
  const file = args.find((word) => !word.startsWith('-'));
  if (file === undefined || !file.includes('/') || file.startsWith('./')) return undefined;
  return existsSync(`${root}${file}`) || file.includes('/dist/') ? undefined : `there is no file ${file}`;
}

function millraceFault(args: readonly string[]): string | undefined {
  let command: Command = program;
  const rest = [...args];
  for (let next = rest[0]; next !== undefined; next = rest[0]) {
    const child = command.commands.find((each) => each.name() === next);
    if (child === undefined) break;
    command = child;
    rest.shift();
  }
  if (command === program)
    return rest[0]?.startsWith('-') || rest[0] === 'help' ? undefined : `millrace has no command ${rest[0]}`;
  const given = rest.filter((word) => /^--?\w/.test(word)).map((word) => word.replace(/=.*/, ''));
  if (given.includes('--help')) return undefined;
  const wrong = given.find(
    (word) => !command.options.some(({ long, short }) => long === word || short === word),
  );
  if (wrong !== undefined) return `millrace ${command.name()} has no option ${wrong}`;
  const missing = command.options.find((option) => option.mandatory && !given.includes(option.long ?? ''));
  return missing === undefined ? undefined : `millrace ${command.name()} needs ${missing.flags}`;
}

const OWN_HOST = /^(?:https?:\/\/)?(?:localhost:44\d\d|live\.example\.com)(\/.*)?$/;
const UNLISTED = /^\/($|healthz$|readyz$|metrics$|v1\/openapi\.json$|hubs\/)/;

function curlFault(args: readonly string[]): string | undefined {
  const path = args.map((word) => OWN_HOST.exec(word)?.[1]).find((each) => each !== undefined);
  if (path === undefined) return undefined;
  const route = path.replace(/\?.*/, '');
  const hasBody = args.some((word) => /^(-d|--data.*|--json)$/.test(word));
  const method = (args[args.indexOf('-X') + 1 || args.length] ?? (hasBody ? 'POST' : 'GET')).toLowerCase();
  if (UNLISTED.test(route)) return undefined;
  const isRoute = Object.entries(paths).some(
    ([template, operations]) =>
      method in operations && new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(route),
  );
  return isRoute ? undefined : `there is no route ${method.toUpperCase()} ${route}`;
}

// Writes docs/cli.md from the declarations of the commands.
import type { Command, Option } from 'commander';
import { program } from '../../src/commands/program.js';

const head = `# The command \`millrace\`

\`npm run docs:reference\` writes this page from the declarations in \`apps/gateway/src/commands/program.ts\`. \`millrace help <command>\` prints the same in a terminal.

\`\`\`text
npx --no millrace <command> [options]
\`\`\`

\`npx --no\` runs the installed program and never asks a registry. With \`--\`, npm does not read an option itself: \`npx --no -- millrace tail --help\`.
A command ends with 0 when it has done what it says, and with 1 otherwise; the reason is on standard error. A command whose standard output cannot be written, for example to a full disk, ends with 1, too;
one whose reader has ended (\`| head\`) ends as if it had printed everything. \`serve\` ends with 0 after SIGTERM or SIGINT, when it has drained, and keeps serving when its log cannot be written.
The value of an option must not be empty. In a list, spaces around the commas do not count.
The settings are environment variables: [settings.md](settings.md).
`;

/** Text of a default value. Functions that parse an option may turn its text into a number. */
function defaultOf({ defaultValue, flags }: Option): string {
  if (defaultValue === undefined || defaultValue === '') return '';
  return flags.includes('<time>')
    ? `\`${Number(defaultValue) / 3_600_000}h\``
    : `\`${String(defaultValue)}\``;
}

function optionRow(option: Option): string {
  const rule = option.mandatory ? 'required' : defaultOf(option);
  return `| \`${option.flags}\` | ${option.description} |${rule === '' ? '' : ` ${rule}`} |`;
}

function section(command: Command, parents: readonly string[]): string {
  const path = [...parents, command.name()];
  if (command.commands.length > 0)
    return [
      `\n## millrace ${path.join(' ')}\n\n${sentence(command.description())}`,
      ...command.commands.map((child) => section(child, path)),
    ].join('\n');
  const operands = command.registeredArguments.map((argument) => ({
    flags: argument.required
      ? `<${argument.name()}>`
      : `[${argument.name()}${argument.variadic ? '...' : ''}]`,
    description: argument.description,
  }));
  const rows = [
    ...operands.map(({ flags, description }) => `| \`${flags}\` | ${description} | |`),
    ...command.options.map(optionRow),
  ];
  return [
    `\n${parents.length === 0 ? '##' : '###'} millrace ${path.join(' ')}\n`,
    `${sentence(command.description())}\n`,
    '| option | meaning | default |',
    '|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Turns a description, which begins with a small letter and has no full stop, into a sentence. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

/** The whole page. */
export function renderCliPage(): string {
  return `${head}${program.commands.map((command) => section(command, [])).join('\n')}\n`;
}

// Every shell command in the pages names commands, options, scripts, routes and settings that exist.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { codeBlocks } from '../../../scripts/pages.mjs';
import { commandFault } from './support/command-faults.js';
import { shellCommands } from './support/shell-commands.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function pages(): readonly string[] {
  const list = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' });
  return list
    .trim()
    .split('\n')
    .filter((path) => !/CHANGELOG\.md$|^\.changeset\//.test(path));
}

function faultsOf(page: string): readonly string[] {
  return codeBlocks(readFileSync(`${root}${page}`, 'utf8'))
    .filter(({ language, words }) => language === 'sh' && !words.includes('illustration'))
    .filter(({ before }) => !before.startsWith('<!-- snippet:')) // a test runs these
    .flatMap(({ line, code }) =>
      shellCommands(code).flatMap((command) => {
        const fault = commandFault(command);
        return fault === undefined ? [] : [`${page}:${line} ${command.words.join(' ')}: ${fault}`];
      }),
    );
}

it('every command in a page can be run', () => {
  expect(pages().flatMap(faultsOf)).toEqual([]);
});

const faultOf = (code: string) =>
  shellCommands(code)
    .map(commandFault)
    .find((fault) => fault !== undefined);

it.each([
  ['npx --no millrace tial --room a', 'millrace has no command tial'],
  ['npx --no -- millrace tail --rooms a', 'millrace tail has no option --rooms'],
  ['npx --no millrace tail', 'millrace tail needs --room <id>'],
  ['millrace dead-letters list --stram a', 'millrace list has no option --stram'],
  ['TOKEN=$(npx --no millrace tokn --sub a)', 'millrace has no command tokn'],
  ['cd here && npm run strat', 'package.json has no script strat'],
  ['curl -X POST localhost:4400/v1/rooms/a/events', 'there is no route POST /v1/rooms/a/events'],
  ["curl http://localhost:4400/v1/event -d '{\n}'", 'there is no route POST /v1/event'],
  ['export MILLRACE_PRT=1', 'there is no setting MILLRACE_PRT'],
  ['MILLRACE_PORT=4401 npm strat', 'npm has no command strat'],
  ['node examples/nothing/app.mjs', 'there is no file examples/nothing/app.mjs'],
])('the command `%s` is refused', (code, fault) => {
  expect(faultOf(code)).toBe(fault);
});

it.each([
  'millrace serve --dev # npm run nothing',
  "curl -sS localhost:4400/v1/events -H 'content-type: application/json' -d '{\n  \"a\": 1\n}'",
  'TOKEN=$(npx --no millrace token --sub a) && echo "$TOKEN"',
  "cat > file <<'END'\nmillrace nothing\nEND\nnpx millrace check --app ./app.mjs",
])('the command `%s` is accepted', (code) => {
  expect(faultOf(code)).toBeUndefined();
});

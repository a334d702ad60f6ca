// Writes the page of the ASVS requirements, and checks that the tests that it names exist.
import { testTitles } from '../../test-titles.mjs';
import { rows } from './rows.mjs';

/** Returns a line for each named test that does not exist. A test without a title stands for its whole file. */
export function missingTests(read, exists) {
  return rows.flatMap(({ id, state, note, tests }) => {
    if (state === 'met' && tests.length === 0) return [`ASVS ${id} is met, but names no test`];
    if (state !== 'met' && note === undefined) return [`ASVS ${id} is ${state}, but has no note`];
    return tests.flatMap(([file, title]) => {
      if (!exists(file))
        return [`ASVS ${id} names ${file}, which does not exist: correct scripts/evidence/asvs`];
      if (title === undefined || testTitles(read(file)).some((test) => test.title === title)) return [];
      return [`ASVS ${id}: ${file} has no test "${title}": correct scripts/evidence/asvs`];
    });
  });
}

const cell = (text) => text.replaceAll('|', '\\|');

function testCell([file, title]) {
  const name = file.split('/').at(-1);
  return `[${name}](../../${file})${title === undefined ? '' : `: ${cell(title)}`}`;
}

/** Returns the text of the page. */
export function asvsPage() {
  const count = (state) => rows.filter((row) => row.state === state).length;
  return [
    '# OWASP ASVS',
    '',
    'Requirements of the OWASP Application Security Verification Standard, version 5.0.0, that apply to Millrace, in short words of our own; the numbers lead to the full text. `npm run',
    'evidence` writes this page, and fails if a test that it names does not exist.',
    '',
    `${rows.length} requirements: ${count('met')} met, ${count('partly')} partly, ${count('operator')} left to the operator.`,
    '',
    '| | level | requirement | state | shown by |',
    '|---|---|---|---|---|',
    ...rows.map(({ id, level, requirement, state, note, tests }) => {
      const shown = [note, ...tests.map(testCell)].filter((text) => text !== undefined);
      return `| ${id} | ${level} | ${cell(requirement)} | ${state} | ${shown.join('<br>')} |`;
    }),
    '',
    'Not applicable: V5 (no files are uploaded), V6 and V7 (users sign in to the application, not to Millrace), V10 (no OAuth client or server), V17 (no WebRTC), 4.3 (no GraphQL),',
    '3.3 (no cookies). Not assessed: V1 apart from what 3.2 says, V11 (signatures are those of `jose` and Node), V12 (TLS is ended by the proxy), V14.',
    '',
  ].join('\n');
}

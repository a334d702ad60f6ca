// npm run api [-- --check]: writes the API reports of the published packages into etc/api, from the built declarations, and the list of
// stable exports into docs/stability.md. With `--check` it writes nothing. It fails
// - if a report or the list is out of date;
// - if an export has no tag (`@public` is stable, `@beta` experimental), or a stable export names an experimental one;
// - if an export differs from the last release, and no changeset of its package names it.
// `--release` keeps the reports as those of a release.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { extractReports } from './api/extract.mjs';
import { changedNames, changesetTextOf, stableTable, unnamed } from './api/report.mjs';

const root = new URL('../', import.meta.url);
const pathOf = (file) => fileURLToPath(new URL(file, root));
const read = (file) => (existsSync(pathOf(file)) ? readFileSync(pathOf(file), 'utf8') : '');
const page = 'docs/stability.md';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, release: { type: 'boolean', default: false } },
});

/** Returns the files that this script writes, by path. */
function filesOf(reports) {
  const files = new Map();
  for (const { report, text } of reports) {
    files.set(`etc/api/${report}`, text);
    if (values.release) files.set(`etc/api/released/${report}`, text);
  }
  const list = stableTable(reports.map(({ report, text }) => ({ title: titleOf(report), text })));
  const marked = /(<!-- begin stable exports -->\n).*?(<!-- end stable exports -->)/s;
  files.set(
    page,
    read(page).replace(marked, (_, begin, end) => `${begin}${list}\n${end}`),
  );
  return files;
}

/** `signalr.redis.api.md` is the report of `@millrace/signalr/redis`. */
function titleOf(report) {
  return `@millrace/${report.slice(0, -'.api.md'.length).replace('.', '/')}`;
}

/** Returns a line for each export that changed since the last release without a changeset that names it. */
function unannounced(reports) {
  const changesets = readdirSync(pathOf('.changeset'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => read(`.changeset/${file}`));
  return reports
    .filter(({ package: name }) => name !== '@millrace/internal')
    .flatMap(({ package: name, report, text }) => {
      const changed = changedNames(read(`etc/api/released/${report}`), text);
      return unnamed(changed, changesetTextOf(changesets, name)).map(
        (each) =>
          `${titleOf(report)}: ${each} differs from the last release, and no changeset of ${name} names it in backticks. Add one (CONTRIBUTING.md, "Add a changeset").`,
      );
    });
}

const reports = extractReports();
const findings = reports.flatMap(({ faults }) =>
  faults.map(({ file, line, text, rule }) => `${file}:${line} ${text} (${rule})`),
);
const files = filesOf(reports);
if (values.check) {
  for (const [file, text] of files)
    if (read(file) !== text) findings.push(`${file} is out of date: run \`npm run api\` and commit it.`);
} else {
  mkdirSync(pathOf('etc/api/released'), { recursive: true });
  for (const [file, text] of files) writeFileSync(pathOf(file), text);
}
if (!values.release) findings.push(...unannounced(reports));
for (const finding of findings) console.error(finding);
process.exitCode = findings.length === 0 ? 0 : 1;

// npm run release:rehearse [-- --write] [-- --only broker --only client]: publishes every package to a registry on this machine,
// installs each alone, and uses it as its users do, on the oldest and the newest Node. Prints a table, and a line for each fault.
// `--write` writes the table into docs/releases.md.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { nodeBinary, nodeVersions } from './node-binary.mjs';
import { packageFolders } from './pack.mjs';
import { installCompilers } from './rehearsal/compilers.mjs';
import { rehearse } from './rehearsal/rehearse.mjs';
import { faultLines, withTable } from './rehearsal/report.mjs';

const page = new URL('../docs/releases.md', import.meta.url);
const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
});
if (values.write && values.only !== undefined)
  throw new Error('--write needs all packages: leave out --only.');

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const nodes = [await nodeBinary(nodeVersions[0]), await nodeBinary(nodeVersions.at(-1))];
const compilers = await installCompilers();
const results = [];
await rehearse({ folders: packageFolders, only: values.only, nodes, compilers }, (result) => {
  results.push(result);
  const lines = faultLines(result);
  console.log(`${result.name}: ${lines.length === 0 ? 'ok' : 'failed'}`);
  for (const line of lines) console.error(line);
});

const run = {
  day: new Date().toISOString().slice(0, 10),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  compilers: compilers.map(({ name }) => name),
};
const text = withTable(readFileSync(page, 'utf8'), results, run);
if (values.write) writeFileSync(page, text);
console.log(`\n${/<!-- begin rehearsal -->\n(.*)<!-- end rehearsal -->/s.exec(text)[1]}`);
const failed = results.filter((result) => faultLines(result).length > 0).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

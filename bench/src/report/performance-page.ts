// Puts generated tables into docs/performance.md, between markers. Nothing in there is typed by hand.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const pagePath = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));

/** Machine, versions and commit, as one sentence. */
export function machineLine(): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const redis = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? '?';
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return (
    `${cpus().length} cores (${model}, shared), ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `Node ${process.versions.node}, Redis ${redis}, commit ${commit}.`
  );
}

/** Replaces the table of this name. */
export function writeTable(name: string, table: string): void {
  const begin = `<!-- begin ${name} -->`;
  const end = `<!-- end ${name} -->`;
  const page = readFileSync(pagePath, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to === -1) throw new Error(`docs/performance.md has no markers for ${name}`);
  writeFileSync(pagePath, `${page.slice(0, from + begin.length)}\n${table}\n${page.slice(to)}`);
}

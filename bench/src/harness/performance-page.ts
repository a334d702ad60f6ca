// Writes generated tables into docs/performance.md, between markers. Nobody edits the text between the markers by hand.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchPart, PartResult } from './bench-part.js';
import { headlineOf, type Summary } from './headline.js';
import { writePageTables } from './page-tables.js';
import { replaceBetween } from './replace-between.js';

const pagePath = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));
const readmePath = fileURLToPath(new URL('../../../README.md', import.meta.url));
const rawFolder = fileURLToPath(new URL('../../../docs/performance', import.meta.url));

/** Returns one sentence that names the machine, the versions of Node and Redis, and the commit. */
export function machineLine(): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const redis = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? '?';
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return (
    `${cpus().length} cores (${model}, shared), ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `Node ${process.versions.node}, Redis ${redis}, commit ${commit}.`
  );
}

/**
 * Writes the result of a part: its table into docs/performance.md, and its rounds and figures into files in docs/performance/. Then
 * writes what other pages repeat of the results.
 */
export function writeResult(part: BenchPart, { table, summary, raw }: PartResult, command: string): void {
  const machine = machineLine();
  writeTable(part.name, `${table}\n\n${machine} Command: \`${command}\`.`);
  mkdirSync(rawFolder, { recursive: true });
  const head = { part: part.name, title: part.title, command, machine };
  writeJson(join(rawFolder, `${part.name}.json`), { ...head, sides: raw });
  const path = join(rawFolder, 'summary.json');
  // The cast is safe: only this function writes the file.
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Summary) : {};
  writeJson(path, { ...before, [part.name]: { ...head, ...summary } });
  const headline = headlineOf(JSON.parse(readFileSync(path, 'utf8')) as Summary);
  if (headline !== undefined) replaceBetween(readmePath, 'headline', headline);
  writePageTables();
}

function writeJson(path: string, value: unknown): void {
  const rounded = (_: string, item: unknown): unknown =>
    typeof item === 'number' && !Number.isInteger(item) ? Number(item.toPrecision(6)) : item;
  writeFileSync(path, `${JSON.stringify(value, rounded, 2)}\n`);
}

/** Replaces the table with this name in docs/performance.md. */
export function writeTable(name: string, table: string): void {
  replaceBetween(pagePath, name, table);
}

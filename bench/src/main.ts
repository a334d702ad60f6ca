// The entry point of the benchmark. Runs the named parts, or all parts if no part is named.
//
//   npm run bench [-- s1 s2 …] [--pairs 9] [--seconds 2.5] [--connections 5000] [--sides floor,millrace] [--base 1966bb5] [--write]
//
// `--write` writes tables into docs/performance.md, and raw histograms and the summary into
// docs/performance/. Programs (parts/programs.ts) have their own options and run one at a time.
import { parseArgs } from 'node:util';
import { writeResult } from './harness/performance-page.js';
import { parts } from './parts/parts.js';
import { programs, runProgram } from './parts/programs.js';
import type { SideName } from './systems/side.js';
import { Sides } from './systems/sides.js';

const args = process.argv.slice(2);
const optionsFrom = args.findIndex((arg) => arg.startsWith('-'));
const names = optionsFrom === -1 ? args : args.slice(0, optionsFrom);
const options = optionsFrom === -1 ? [] : args.slice(optionsFrom);

function usage(unknown: readonly string[]): never {
  console.error(`unknown: ${unknown.join(', ')}\nparts:`);
  for (const { name, title } of parts) console.error(`  ${name.padEnd(16)}${title}`);
  for (const [name, { title }] of Object.entries(programs)) console.error(`  ${name.padEnd(16)}${title}`);
  process.exit(2);
}

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

async function runParts(wanted: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: options,
    options: {
      pairs: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      sides: { type: 'string' },
      base: { type: 'string', default: '1966bb5' },
      write: { type: 'boolean', default: false },
    },
  });
  using sides = new Sides(values.base);
  // Removes the temporary builds. They would otherwise stay on disk. Child processes end with this process in any case.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      sides[Symbol.dispose]();
      process.exit(1);
    });
  for (const part of parts.filter(({ name }) => wanted.includes(name))) {
    const startMs = performance.now();
    const result = await part.run(sides, {
      pairs: numberOf(values.pairs),
      seconds: numberOf(values.seconds),
      connections: numberOf(values.connections),
      // `Sides` refuses unknown names.
      sides: values.sides?.split(',') as readonly SideName[] | undefined,
    });
    const tookSeconds = Math.round((performance.now() - startMs) / 1_000);
    const command = ['npm run bench --', part.name, ...options].join(' ');
    console.log(`\n${part.name}, ${part.title} (${tookSeconds} s)\n\n${result.table}\n`);
    if (values.write) writeResult(part, result, command);
  }
}

const isPart = (name: string): boolean => parts.some((part) => part.name === name);
const unknown = names.filter((name) => !isPart(name) && !(name in programs));
if (unknown.length > 0) usage(unknown);
if (names.length === 0) {
  await runParts(parts.map(({ name }) => name));
  const writing = options.filter((option) => option === '--write');
  for (const [name, { fullRunOptions }] of Object.entries(programs))
    if (fullRunOptions !== undefined) await runProgram(name, [...fullRunOptions, ...writing]);
} else {
  if (names.some(isPart)) await runParts(names.filter(isPart));
  for (const name of names.filter((name) => !isPart(name))) await runProgram(name, options);
}

// A minute of faults at random. `npm run chaos -- --minutes 10 --seed 7 --write` runs longer ones and writes the table.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { repositoryPath } from '../fixtures/cli-process.js';
import { chaosTable, runChaos } from './support/chaos.js';
import { expectPromisesKept, expectWhole } from './support/expectations.js';
import { faults } from './support/faults.js';

const minutes = Number(process.env['CHAOS_MINUTES'] ?? '1');
const seed = Number(process.env['CHAOS_SEED'] ?? String(Math.floor(Math.random() * 1_000_000)));
const pagePath = `${repositoryPath}docs/reliability.md`;

test(
  `every promise holds under faults at random (seed ${seed})`,
  async () => {
    const report = await runChaos({
      minutes,
      seed,
      onTrial: (name, trial) => {
        const { lost, excused, replayed, repeated, wholeAfterMs } = trial;
        console.info(
          `${name}: lost ${lost}, excused ${excused}, replayed ${replayed}, repeated ${repeated}, whole after ${Math.round(wholeAfterMs)} ms`,
        );
        if (faults[name].isLossless) expectWhole(trial);
        else expectPromisesKept(trial);
      },
    });
    expect(report.trials.length).toBeGreaterThan(0);
    const table = chaosTable(report);
    console.info(table);
    if (process.env['CHAOS_WRITE'] === '1') writeTable(table);
  },
  minutes * 60_000 + 240_000,
);

function writeTable(table: string): void {
  const [begin, end] = ['<!-- begin chaos -->', '<!-- end chaos -->'];
  const page = readFileSync(pagePath, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`no place for the table in ${pagePath}`);
  writeFileSync(pagePath, `${page.slice(0, from + begin.length)}\n${table}\n${page.slice(to)}`);
}

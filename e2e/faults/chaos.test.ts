// Random faults for a minute. `npm run chaos -- --minutes 10 --seed 7 --write` runs longer and writes the table.
import { expect, test } from 'vitest';
import { chaosTable, runChaos } from './support/chaos.js';
import { expectNoReload, expectPromisesKept } from './support/expectations.js';
import { faults } from './support/faults.js';
import { offerTable } from './support/reliability-page.js';

const minutes = Number(process.env['CHAOS_MINUTES'] ?? '1');
const seed = Number(process.env['CHAOS_SEED'] ?? String(Math.floor(Math.random() * 1_000_000)));

test(
  `every delivery promise is kept under random faults (seed ${seed})`,
  async () => {
    const report = await runChaos({
      minutes,
      seed,
      onTrial: (name, trial) => {
        const { lost, excused, replayed, repeated, recoveryMs } = trial;
        console.info(
          `${name}: lost ${lost}, excused ${excused}, replayed ${replayed}, repeated ${repeated}, recovered after ${Math.round(recoveryMs)} ms`,
        );
        if (faults[name].isLossless) expectNoReload(trial);
        else expectPromisesKept(trial);
      },
    });
    expect(report.trials.length).toBeGreaterThan(0);
    offerTable('chaos', chaosTable(report));
  },
  minutes * 60_000 + 480_000,
);

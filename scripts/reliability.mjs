// npm run chaos -- --minutes 10 --seed 7 [--write]: faults at random under load, judged by the oracle of e2e/faults.
// npm run durability [-- --write]: what Redis loses of what it confirmed, by its settings.
// npm run rolling-restart: four gateways are replaced one by one under 5,000 events a second.
// `--write` puts the table into docs/reliability.md.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const [test = ''] = positionals;
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'e2e', `e2e/faults/${test}.test.ts`], {
  stdio: 'inherit',
  env: {
    ...process.env,
    CHAOS_MINUTES: values.minutes,
    ...(values.seed === undefined ? {} : { CHAOS_SEED: values.seed }),
    DURABILITY_ALL: '1',
    ROLLING_EVENTS_PER_SECOND: '5000',
    RELIABILITY_WRITE: values.write ? '1' : '0',
  },
});
process.exit(status ?? 1);

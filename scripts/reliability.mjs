// npm run chaos -- --minutes 10 --seed 7 [--write]: random faults under load, judged by the oracle of e2e/faults.
// npm run durability [-- --write]: counts the confirmed events that Redis loses, for several settings of Redis.
// npm run rolling-restart: replaces four gateways one by one under 5,000 events a second.
// npm run upgrade -- [--base 1966bb5] [--write]: replaces gateways of an earlier build with the current build and then with
// the earlier build again, under load.
// `--write` writes the table into docs/reliability.md.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    base: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const [test = ''] = positionals;
const isUpgrade = test === 'upgrade';
const file = isUpgrade ? 'e2e/upgrade/upgrade.test.ts' : `e2e/faults/${test}.test.ts`;
// When a draining gateway cancels a handshake, the official client causes an unhandled rejection. The test ignores the
// rejection, because the oracle judges what the clients received.
const ignoring = isUpgrade ? ['--dangerouslyIgnoreUnhandledErrors'] : [];
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'e2e', file, ...ignoring], {
  stdio: 'inherit',
  env: {
    ...process.env,
    CHAOS_MINUTES: values.minutes,
    ...(values.seed === undefined ? {} : { CHAOS_SEED: values.seed }),
    ...(values.base === undefined ? {} : { UPGRADE_BASE: values.base }),
    NIGHTLY: '1',
    DURABILITY_ALL: '1',
    TRIAL_EVENTS_PER_SECOND: '1000',
    ROLLING_EVENTS_PER_SECOND: '5000',
    RELIABILITY_WRITE: values.write ? '1' : '0',
  },
});
process.exit(status ?? 1);

// Causes random faults one after the other under steady load, and formats the totals as a table. The same seed causes the
// same faults.
import { FaultSystem, type Trial } from './fault-system.js';
import { type Fault, type FaultName, faults } from './faults.js';
import type { OracleOptions } from './oracle.js';

/** Length and seed of a run. */
export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Called after every trial. */
  readonly onTrial?: (name: FaultName, trial: Trial) => void;
}

/** The result of a run. */
export interface ChaosReport {
  readonly trials: readonly (readonly [name: FaultName, trial: Trial])[];
  readonly minutes: number;
  readonly seed: number;
}

/** Runs trials until the time is over, but at least one. */
export async function runChaos({ minutes, seed, onTrial = () => {} }: ChaosOptions): Promise<ChaosReport> {
  const random = seededRandom(seed);
  const names = Object.keys(faults) as FaultName[];
  const trials: [FaultName, Trial][] = [];
  await using system = await FaultSystem.start({
    gateways: 3,
    redisArgs: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
    environment: { MILLRACE_DRAIN_MS: '1500' },
  });
  const endMs = performance.now() + minutes * 60_000;
  do {
    const name = names[Math.floor(random() * names.length)];
    if (name === undefined) break;
    const fault: Fault = faults[name];
    const options: OracleOptions = {};
    const trial = await system.try((target) => fault.run(target, random), options);
    trials.push([name, trial]);
    onTrial(name, trial);
  } while (performance.now() < endMs);
  return { trials, minutes, seed };
}

/** The report as a table for docs/reliability.md. */
export function chaosTable({ trials, minutes, seed }: ChaosReport): string {
  const sum = (
    key:
      | 'published'
      | 'due'
      | 'handled'
      | 'lost'
      | 'handledTwice'
      | 'outOfOrder'
      | 'replayed'
      | 'repeated'
      | 'excused',
  ) => trials.reduce((total, [, trial]) => total + trial[key], 0).toLocaleString('en');
  const sumOfPlain = (key: 'sessions' | 'received' | 'missing' | 'receivedTwice' | 'outOfOrder') =>
    trials.reduce((total, [, { plain }]) => total + plain[key], 0).toLocaleString('en');
  const sortedMs = trials.map(([, { recoveryMs }]) => recoveryMs).sort((a, b) => a - b);
  const percentile = (share: number): string => {
    const ms = sortedMs[Math.max(0, Math.ceil(share * sortedMs.length) - 1)] ?? 0;
    return (ms / 1_000).toFixed(2);
  };
  const faultCounts = new Map<string, number>();
  for (const [name] of trials) faultCounts.set(name, (faultCounts.get(name) ?? 0) + 1);
  return [
    '| what | figure |',
    '|---|---|',
    `| faults | ${trials.length} |`,
    `| events published and confirmed | ${sum('published')} |`,
    `| deliveries due (200 small clients, 6 official ones, and 4 of a view that resume; 50 rooms, 3 gateways) | ${sum('due')} |`,
    `| handled | ${sum('handled')} |`,
    `| **lost** | **${sum('lost')}** |`,
    `| **handled twice** | **${sum('handledTwice')}** |`,
    `| **out of order** | **${sum('outOfOrder')}** |`,
    `| not handled, but reloaded: Redis had lost its data and the clients were told | ${sum('excused')} |`,
    `| arrived as a replay | ${sum('replayed')} |`,
    `| arrived again and were recognised | ${sum('repeated')} |`,
    `| 4 clients of a view that cannot resume: connections / events received in them | ${sumOfPlain('sessions')} / ${sumOfPlain('received')} |`,
    `| **missing in a connection / twice / out of order** | **${sumOfPlain('missing')} / ${sumOfPlain('receivedTwice')} / ${sumOfPlain('outOfOrder')}** |`,
    `| recovery time after the fault, p50 / p99 / max, s | ${percentile(0.5)} / ${percentile(0.99)} / ${percentile(1)} |`,
    '',
    `Faults: ${Array.from(faultCounts, ([name, count]) => `${name} (${count})`).join(', ')}.`,
    '',
    `Command: \`npm run chaos -- --minutes ${minutes} --seed ${seed} --write\`.`,
  ].join('\n');
}

/** Returns a generator of numbers from 0 (inclusive) to 1 (exclusive), by mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

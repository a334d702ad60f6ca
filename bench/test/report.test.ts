import { expect, test } from 'vitest';
import { costBetween, cpuMsOf, parseCommandStats } from '../src/harness/cost.js';
import { warnings } from '../src/harness/report.js';
import type { Round } from '../src/harness/round.js';
import type { Side, SideName } from '../src/systems/side.js';

const clean: Round = {
  sent: 500,
  failed: 0,
  expected: 1_000,
  received: 1_000,
  outOfOrder: 0,
  closed: 0,
  p50Ms: 1,
  p99Ms: 4,
  p999Ms: 5,
  maxMs: 6,
  lateP50Ms: 0.1,
  lateP99Ms: 0.2,
  madePerSecond: 200,
  cpuUsPerEvent: { publisher: 10, gateway: 20, redis: 5, clients: 5 },
  redis: {},
  latency: '',
};

const floor: Side = {
  name: 'floor',
  label: 'floor',
  hash: '',
  start: () => Promise.reject(new Error('not here')),
};

function warningsOf(...rounds: readonly (Round | undefined)[]): readonly string[] {
  return warnings(
    [floor],
    { rounds: new Map<SideName, readonly (Round | undefined)[]>([['floor', rounds]]), failures: [] },
    200,
  );
}

test('a round in which everything arrived in order and in time causes no warning', () => {
  expect(warningsOf(clean, undefined)).toEqual([]);
});

test.each<[string, Partial<Round>, RegExp]>([
  ['loses events', { received: 990 }, /floor lost 10 of 2,000 deliveries/],
  ['delivers events twice', { received: 1_005 }, /floor delivered 5 more/],
  ['delivers out of order', { outOfOrder: 3 }, /3 deliveries out of order/],
  ['ends connections', { closed: 2 }, /2 connections ended/],
  ['refuses events', { failed: 7, firstFailure: 'full' }, /7 publishes failed \(full\)/],
  [
    'gets fewer events than ordered',
    { madePerSecond: 150 },
    /generator was starved in 1 of 2 rounds .* 150 of 200 events\/s/,
  ],
  ['gets its events late', { lateP50Ms: 0.4 }, /generator was starved in 1 of 2 rounds/],
  ['gets some events very late', { lateP99Ms: 3 }, /p99 is mostly the generator's own lateness in 1 of 2/],
])('a side that %s causes a warning', (_, fault, warning) => {
  expect(warningsOf(clean, { ...clean, ...fault }).join('\n')).toMatch(warning);
});

test('a loss in one round is reported even if another round delivered too many events', () => {
  expect(warningsOf({ ...clean, received: 900 }, { ...clean, received: 1_100 })).toHaveLength(2);
});

test('the cost of a Redis command is the difference between two readings of its statistics', () => {
  const before = parseCommandStats('# Commandstats\r\ncmdstat_xadd:calls=10,usec=30,usec_per_call=3.00\r\n');
  const after = parseCommandStats(
    'cmdstat_xadd:calls=15,usec=50,usec_per_call=3.33\r\ncmdstat_xinfo|stream:calls=2,usec=9,usec_per_call=4.5\r\n',
  );
  expect([...costBetween(before, after)]).toEqual([
    ['xadd', { calls: 5, us: 20 }],
    ['xinfo|stream', { calls: 2, us: 9 }],
  ]);
});

test('the measured CPU time of a process agrees with the time that Node reports', () => {
  const startMs = process.cpuUsage().user / 1_000;
  while (process.cpuUsage().user / 1_000 < startMs + 100);
  const { user, system } = process.cpuUsage();
  expect(Math.abs(cpuMsOf(process.pid) - (user + system) / 1_000)).toBeLessThan(50);
});

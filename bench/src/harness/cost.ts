// Measures the cost of a stretch of a run: processor time of each process, and the commands that Redis executed.
import { readFileSync } from 'node:fs';

/** `CLK_TCK`, which Linux fixes for programs. */
const ticksPerSecond = 100;

/** Processor time of a process and its threads since it began, user and system, in milliseconds; exact to 10. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name may hold blanks and parentheses; what follows the last one does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** Memory of a process in RAM, in KiB. */
export function rssKibOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? Number.NaN);
}

/** Calls of one Redis command, and the time in it. A script's time holds that of the commands in it, which are counted as well. */
export interface CommandCost {
  readonly calls: number;
  readonly us: number;
}

/** Reads `INFO commandstats`. */
export function parseCommandStats(info: string): ReadonlyMap<string, CommandCost> {
  const costs = new Map<string, CommandCost>();
  for (const [, name = '', calls, us] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+),/gm))
    costs.set(name, { calls: Number(calls), us: Number(us) });
  return costs;
}

/** Difference of two readings. Commands that nobody called are left out. */
export function costBetween(
  before: ReadonlyMap<string, CommandCost>,
  after: ReadonlyMap<string, CommandCost>,
): ReadonlyMap<string, CommandCost> {
  const added = new Map<string, CommandCost>();
  for (const [name, { calls, us }] of after) {
    const earlier = before.get(name) ?? { calls: 0, us: 0 };
    if (calls > earlier.calls) added.set(name, { calls: calls - earlier.calls, us: us - earlier.us });
  }
  return added;
}

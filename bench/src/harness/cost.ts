// Reads what a run costs: the CPU time and memory of its processes, and the commands of Redis.
import { readFileSync } from 'node:fs';

/** The value of `CLK_TCK`, the number of clock ticks per second. For programs, this number is fixed on Linux. */
const ticksPerSecond = 100;

/** Returns the CPU time of a process since its start, in milliseconds: user and system time of all threads, exact to 10 ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The process name may contain spaces and parentheses, so the fields are read after the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** Returns the resident memory of a process in KiB. */
export function rssKibOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? Number.NaN);
}

/**
 * Number of calls of one Redis command, and the time that Redis spent in it. A script's time includes the commands that it
 * calls. They are also counted separately.
 */
export interface CommandCost {
  readonly calls: number;
  readonly us: number;
}

/** Parses the output of `INFO commandstats`. */
export function parseCommandStats(info: string): ReadonlyMap<string, CommandCost> {
  const costs = new Map<string, CommandCost>();
  for (const [, name = '', calls, us] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+),/gm))
    costs.set(name, { calls: Number(calls), us: Number(us) });
  return costs;
}

/** Returns the difference between two readings. Leaves out commands that were not called between them. */
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

// Parts that look at Millrace alone, each a program with options of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Program {
  readonly title: string;
  /** Of a full run, whose parts are short. */
  readonly shortOptions: readonly string[];
}

/** By name; each is the file of this name in `bench/src`. */
export const programs: Readonly<Record<string, Program>> = {
  overload: {
    title: 'S10: three times the capacity; half of one core taken away',
    shortOptions: ['--seconds', '30'],
  },
  jitter: { title: 'S7: clients on bad lines', shortOptions: [] },
  storm: { title: 'messages in a storm of typing', shortOptions: [] },
  'slow-clients': { title: 'clients that read too slowly', shortOptions: ['--seconds', '10'] },
  coalescing: { title: 'what windows save and cost', shortOptions: ['--seconds', '8', '--events', '6000'] },
  'check-cost': { title: 'checking an event', shortOptions: [] },
  'stream-memory': { title: 'memory of the streams', shortOptions: [] },
};

export function isProgram(name: string): boolean {
  return name in programs;
}

/** Runs it and waits for its end; its failure is ours. */
export async function runProgram(name: string, options: readonly string[]): Promise<void> {
  const file = fileURLToPath(new URL(`../${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...options], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}

// Parts that look at Millrace alone, each a program with options of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Program {
  readonly title: string;
  /** Options in a full run, whose parts are short; a program without them is run by its name only. */
  readonly fullRunOptions?: readonly string[];
}

/** Programs by name; each is the file of this name in `bench/src`. */
export const programs: Readonly<Record<string, Program>> = {
  overload: {
    title: 'S10: three times the capacity; half of one core taken away',
    fullRunOptions: ['--seconds', '20', '--calm', '10'],
  },
  jitter: { title: 'S7: clients on flaky connections', fullRunOptions: ['--seconds', '30'] },
  storm: { title: 'messages in a storm of typing' },
  'slow-clients': { title: 'clients that read too slowly' },
  coalescing: { title: 'what windows save and cost' },
  'check-cost': { title: 'checking an event' },
  'stream-memory': { title: 'memory of the streams' },
};

/** Runs it and waits for its end; its failure is ours. */
export async function runProgram(name: string, options: readonly string[]): Promise<void> {
  const file = fileURLToPath(new URL(`../${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...options], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}

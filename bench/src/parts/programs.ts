// Parts that are separate programs. Each has its own options.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Program {
  readonly title: string;
  /** The file of the program, relative to `bench/src`. @defaultValue its name */
  readonly file?: string;
  /** Options that make the program short in a full run. A program without them runs only if it is named. */
  readonly fullRunOptions?: readonly string[];
}

/** Programs by name. */
export const programs: Readonly<Record<string, Program>> = {
  overload: {
    title: 'S10: three times the capacity; half of one core taken away',
    fullRunOptions: ['--seconds', '20', '--calm', '10'],
  },
  jitter: { title: 'S7: clients on flaky connections', fullRunOptions: ['--seconds', '30'] },
  import: { title: 'one tenant imports at twenty times its rate', file: 'import/import', fullRunOptions: [] },
  storm: { title: 'messages in a storm of typing' },
  flood: { title: 'the flood of one user', file: 'flood/flood', fullRunOptions: [] },
  'load-storm': { title: 'all clients load their rooms again', file: 'load-storm/load-storm' },
  'slow-clients': { title: 'clients that read too slowly' },
  coalescing: { title: 'what windows save and cost' },
  'check-cost': { title: 'checking an event' },
  'view-cost': { title: 'what views cost', file: 'views/view-cost' },
  abuse: { title: 'abuse: idle connections, slow requests, polls, unique IDs', fullRunOptions: [] },
  stages: { title: 'where the time between publish and client goes', file: 'stages/stages' },
  'stream-memory': { title: 'memory of the streams' },
  presence: { title: 'presence of 10,000 members', file: 'presence/presence' },
};

/** Runs a program and waits for its end. A program that fails gives this process a failing exit code. */
export async function runProgram(name: string, options: readonly string[]): Promise<void> {
  const file = fileURLToPath(new URL(`../${programs[name]?.file ?? name}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...options], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}

// Takes the processors away from everything else, for a time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** For each processor: with so many beside it a process runs a few milliseconds in every hundred. */
const perProcessor = 10;
const program = 'const end = Date.now() + Number(process.argv[1]); while (Date.now() < end);';

/** Resolves when the time is over and all busy processes have ended, which they do by themselves in any case. */
export async function takeProcessors(ms: number): Promise<void> {
  const count = perProcessor * availableParallelism();
  const processes = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', program, String(ms)], { stdio: 'ignore' }),
  );
  await Promise.all(processes.map((child) => once(child, 'exit')));
}

// Takes the CPU time of all other processes for a while.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** Number of busy processes per processor. It leaves any other process only a few milliseconds in every hundred. */
const perProcessor = 10;
const program = 'const end = Date.now() + Number(process.argv[1]); while (Date.now() < end);';

/** Starts busy processes that end by themselves after `ms`. Resolves when all of them have ended. */
export async function takeProcessors(ms: number): Promise<void> {
  const count = perProcessor * availableParallelism();
  const processes = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', program, String(ms)], { stdio: 'ignore' }),
  );
  await Promise.all(processes.map((child) => once(child, 'exit')));
}

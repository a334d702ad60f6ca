// Starves all other processes of CPU time for some time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/**
 * Number of busy processes per processor. With this number, any other process runs only a few milliseconds in
 * every hundred.
 */
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

// Takes most of the CPU time from some processes, as a busy machine does. Other processes are not disturbed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { killWithParent } from '@millrace/testkit';

/**
 * Stops each process again and again (SIGSTOP) and lets it run for a moment in between: in 6 % of the time, at moments that are
 * independent of the other processes. Lets all of them continue when it ends, also when it is interrupted.
 */
const program = `
const [ms, ...processIds] = process.argv.slice(1).map(Number);
const endMs = Date.now() + ms;
function signal(processId, name) {
  try {
    process.kill(processId, name);
  } catch {
    // The process has ended.
  }
}
function stop(processId) {
  if (Date.now() >= endMs) return;
  signal(processId, 'SIGSTOP');
  setTimeout(letRun, 100 + Math.random() * 100, processId);
}
function letRun(processId) {
  signal(processId, 'SIGCONT');
  setTimeout(stop, 10, processId);
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => process.exit(1));
process.on('exit', () => processIds.forEach((processId) => signal(processId, 'SIGCONT')));
processIds.forEach(stop);
`;

/** Starves processes for `ms`. The process that calls this function may be one of them. */
export async function starve(processIds: readonly number[], ms: number): Promise<void> {
  const child = spawn(process.execPath, ['-e', program, String(ms), ...processIds.map(String)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  killWithParent(child);
  await once(child, 'exit');
}

// Ends a test's child processes together with the test process, even if the test process is killed.
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills `child` as soon as this process has ended, for whatever reason. A shell waits on a pipe that closes when this process
 * ends. The shell has its own process group, so that Ctrl-C in a terminal does not end it first. It ends together with
 * `child`.
 * @param isGroup true if `child` leads a process group. The whole group is then killed
 */
export function killWithParent(child: ChildProcess, isGroup = false): void {
  const { pid } = child;
  if (pid === undefined) return;
  const guard = spawn('sh', ['-c', `read -r _; kill -9 ${isGroup ? '-' : ''}${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.once('exit', () => guard.kill('SIGKILL'));
}

// Processes of a test end with it, even when it is killed and can end nothing any more.
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills `child` when this process is gone, however it ended. A shell waits on a pipe that closes with this process; it has a process
 * group of its own, so that a terminal's Ctrl-C does not end it first, and it ends with `child`.
 * @param isGroup true when `child` leads a process group, which then ends with it
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

// A network of the run's own whose sockets buffer little. On loopback the kernel takes some megabytes for a client that does not
// read; over a slow connection to another machine it buffers far less, and the server has to notice.
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const flag = '--inside';

/**
 * Runs the program again inside such a network, waits for it, and ends this process as it ended. Returns inside, and says whether the
 * buffers are small: a network of one's own needs root.
 */
export function enterSmallBuffers(): boolean {
  if (process.argv.includes(flag)) {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    for (const buffer of ['tcp_wmem', 'tcp_rmem'])
      writeFileSync(`/proc/sys/net/ipv4/${buffer}`, '4096 16384 16384');
    return true;
  }
  if (process.getuid?.() !== 0) return false;
  const [node = '', ...args] = process.argv;
  const { status } = spawnSync('unshare', ['--net', node, ...args, flag], { stdio: 'inherit' });
  return process.exit(status ?? 1);
}

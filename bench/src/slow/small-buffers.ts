// A network namespace whose sockets have small buffers. The kernel buffers some megabytes on loopback for a client that does
// not read, but far less for a slow connection to another machine. With small buffers, the messages wait in the server.
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const flag = '--inside';

/**
 * Runs the program again inside such a network namespace, waits for its end, and exits with its status. Returns true inside
 * the namespace. Returns false if the buffers stay large, because only root can create the namespace.
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

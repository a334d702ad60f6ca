// Finds processes and folders that a test run leaves behind. All processes of a run inherit a mark in their environment, and
// share one folder for temporary files. A process that still has the mark at the end of the run counts as left behind, and so
// does a `millrace-*` entry in the folder. A port that is still in use belongs to such a process. Processes are found through
// /proc, so only on Linux.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MARK = 'TEST_RUN_FOLDER';
/** Maximum time that processes may take to exit after the run. */
const GRACE_MS = 10_000;
const LOOK_MS = 50;

/** Marks this process and all processes that it starts afterwards. */
export function markRun() {
  process.env[MARK] = mkdtempSync(join(tmpdir(), 'millrace-run-'));
  process.env.TMPDIR = process.env[MARK];
}

/**
 * Kills the processes that the marked run has left behind, and deletes its folder. Returns one line for each process and each
 * `millrace-*` entry. Blocks, because it runs while a process exits and nothing asynchronous can run then.
 */
export function clearLeftovers() {
  const folder = process.env[MARK];
  if (folder === undefined) return [];
  const deadlineMs = Date.now() + GRACE_MS;
  let processes = markedProcesses(folder);
  while (processes.length > 0 && Date.now() < deadlineMs) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
    processes = markedProcesses(folder);
  }
  for (const { pid } of processes) end(pid);
  const files = readdirSync(folder).filter((name) => name.startsWith('millrace-'));
  rmSync(folder, { recursive: true, force: true });
  return [
    ...processes.map(({ pid, command }) => `process ${pid}: ${command}`),
    ...files.map((name) => `folder ${join(folder, name)}`),
  ];
}

function markedProcesses(folder) {
  const found = [];
  for (const pid of numericNames('/proc')) {
    if (pid === process.pid) continue;
    try {
      // The environment of a process that has exited, but was not yet reaped, is empty.
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${MARK}=${folder}\0`)) continue;
      found.push({ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() });
    } catch {
      // The process has exited, or belongs to another user.
    }
  }
  return found;
}

function numericNames(folder) {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger);
  } catch {
    // Only Linux has /proc. On other systems, no process is found.
    return [];
  }
}

function end(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has already exited.
  }
}

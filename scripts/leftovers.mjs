// Nothing of a test run may outlive it. All its processes inherit a mark in their environment and one folder for temporary files;
// when the run ends, whatever still has the mark, and whatever lies in the folder under a name of ours, was left behind. A port that is
// still taken is held by such a process. Looks into /proc, so it sees processes on Linux only.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MARK = 'TEST_RUN_FOLDER';
/** A process that was told to end a moment ago may take this long to be gone. */
const GRACE_MS = 10_000;
const LOOK_MS = 50;

/** Marks this process and all that it starts from now on. */
export function markRun() {
  process.env[MARK] = mkdtempSync(join(tmpdir(), 'millrace-run-'));
  process.env.TMPDIR = process.env[MARK];
}

/** Says what the marked run has left behind, one line each, and clears it away. Blocks, for it is called when a process exits. */
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
      // A process that has ended and was not yet collected has an empty environment.
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${MARK}=${folder}\0`)) continue;
      found.push({ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() });
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
    }
  }
  return found;
}

function numericNames(folder) {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger);
  } catch {
    // Not Linux: processes cannot be seen.
    return [];
  }
}

function end(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

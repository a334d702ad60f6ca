// The lock under which one process builds the pages while others wait.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withLock } from '../scripts/build-web.mjs';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-lock-'));
});

afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

test('a waiting process never begins before the holder has finished, however long the holder takes', async () => {
  vi.useFakeTimers();
  const steps: string[] = [];
  const file = join(folder, 'lock.db');
  let finish = (): void => {};
  const holds = withLock(file, async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    steps.push('the holder has finished');
  });
  const waits = withLock(file, async () => steps.push('the other begins'));
  await vi.advanceTimersByTimeAsync(3 * 60_000);
  finish();
  await holds;
  await vi.advanceTimersByTimeAsync(100);
  await waits;
  expect(steps).toEqual(['the holder has finished', 'the other begins']);
});

test('the lock of a killed process is free', async () => {
  const file = join(folder, 'lock.db');
  const script = join(folder, 'holder.mjs');
  const module = new URL('../scripts/build-web.mjs', import.meta.url).href;
  await writeFile(
    script,
    `import { withLock } from '${module}';
     setInterval(() => {}, 60_000);
     await withLock(process.argv[2], () => new Promise(() => process.send('locked')));`,
  );
  const holder = fork(script, [file]);
  await once(holder, 'message');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(await withLock(file, async () => 'free')).toBe('free');
});

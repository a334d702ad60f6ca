// A test run must leave no process and no folder behind. A run that does names them and fails. A run names tests that were run twice, too.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { resultOf } from '../../../scripts/platforms/run-result.mjs';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test('a test run names a process and a folder that its tests leave behind, and counts each as failed', async () => {
  await using run = await runOf(`
    import { spawn } from 'node:child_process';
    import { mkdtempSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { test } from 'vitest';

    test('a test leaves much behind', () => {
      mkdtempSync(tmpdir() + '/millrace-left-');
      const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
      child.unref();
      console.log('started ' + child.pid + '.');
    });
  `);
  expect(await run.program.exit(), run.program.output).toBe(1);
  expect(run.program.output).toMatch(/left behind by the tests: process \d+: sleep 600/);
  expect(run.program.output).toMatch(/left behind by the tests: folder .*millrace-left-/);
  expect(run.program.output).toMatch(/^1 passed, 2 failed$/m);
  const [, pid = ''] = await run.program.line(/started (\d+)\./);
  await eventually(() => expect(isRunning(pid)).toBe(false));
});

test('a test run names the tests that were run twice, and counts them', async () => {
  await using run = await runOf(`
    import { describe, expect, test } from 'vitest';
    let attempts = 0;
    describe('a group', () => {
      test('a flaky test passes at the second try', { retry: 1 }, () => expect((attempts += 1)).toBe(2));
      test('a quiet test is run once', { retry: 1 }, () => {});
    });
  `);
  expect(await run.program.exit(), run.program.output).toBe(0);
  expect(resultOf(run.program.output)).toEqual({
    result: '2 passed, 0 failed, 1 run twice',
    runTwice: ['run twice: a.test.ts > a group > a flaky test passes at the second try'],
  });
});

test('a gateway ends together with the vitest worker that started it, even if the worker is killed', async () => {
  await using run = await runOf(`
    import { test } from 'vitest';
    import { GatewayProcess } from '${repositoryPath}e2e/fixtures/processes/gateway-process.js';

    test('this worker is killed', async () => {
      const gateway = await GatewayProcess.start();
      console.log('started ' + gateway.child.pid + '.');
      await new Promise((resolve) => process.stdout.write('', resolve));
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1_000);
      await new Promise(() => undefined);
    });
  `);
  const [, pid = ''] = await run.program.line(/started (\d+)\./);
  expect(await run.program.exit(), run.program.output).toBe(1);
  expect(run.program.output).not.toMatch(/left behind/);
  await eventually(() => expect(isRunning(pid)).toBe(false));
});

/** Runs vitest with one test file and with our reporter. */
async function runOf(file: string): Promise<AsyncDisposable & { readonly program: CliProcess }> {
  // The folder is inside the repository, so that modules find packages by name.
  const folder = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/a.test.ts`, file);
  await writeFile(
    `${folder}/vitest.config.ts`,
    `export default { test: { reporters: ['default', '${repositoryPath}scripts/vitest/closing-line-reporter.mjs'], include: ['a.test.ts'],
      testTimeout: 100_000 }, resolve: { conditions: ['@millrace/source'] }, ssr: { resolve: { conditions: ['@millrace/source'] } } };`,
  );
  const vitest = `${repositoryPath}node_modules/vitest/vitest.mjs`;
  const program = new CliProcess({ file: process.execPath, args: [vitest, 'run', '--root', folder], folder });
  return {
    program,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isRunning(pid: string): boolean {
  return pid !== '' && existsSync(`/proc/${pid}/exe`);
}

// The programs of a rehearsal end, whatever they do, and their output is bounded.
import { describe, expect, test } from 'vitest';
import { closeAll, Running, run } from '../rehearsal/command.mjs';

const node = process.execPath;
const ignoresSigterm = "process.on('SIGTERM', () => console.log('ignored')); setInterval(() => {}, 1_000);";

/** Starts a process that holds the output of its parent open, and prints its ID. */
const hasChild = `
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit', detached: true });
  console.log('child ' + child.pid + ' started');
  setInterval(() => {}, 1000);`;

describe('a program that runs until it is closed', () => {
  test('a program that ignores SIGTERM is killed, and the close says so', async () => {
    const program = new Running(node, ['-e', `${ignoresSigterm} console.log('ready')`]);
    await program.printed(/ready/);
    await expect(program.close({ limitMs: 50 })).rejects.toThrow(
      /did not end within 50 ms of SIGTERM, and was killed/,
    );
    expect(program.hasEnded).toBe(true);
  });

  test('a program whose child keeps the output open does not delay its close for ever', async () => {
    const program = new Running(node, ['-e', hasChild]);
    const [, child] = await program.printed(/child (\d+) started/);
    try {
      await expect(program.close({ limitMs: 50 })).rejects.toThrow(
        /ended, but a process that it started still runs/,
      );
      expect(program.hasEnded).toBe(true);
    } finally {
      process.kill(Number(child));
    }
  });

  test('an output without end is not kept whole, and its newest lines are found', async () => {
    const write = "const fill = 'x'.repeat(1_000_000);";
    const lines = 'first\\n${fill}\\n${fill}\\n${fill}\\nlast\\n';
    const program = new Running(node, [
      '-e',
      `${write} process.stdout.write(\`${lines}\`); setInterval(() => {}, 1_000);`,
    ]);
    await program.printed(/^last$/m);
    expect((await program.printed(/[^]+/))[0].length).toBeLessThanOrEqual(2_000_000);
    await program.close();
  });
});

test('a program that hangs and ignores SIGTERM fails after its time', async () => {
  await expect(run(node, ['-e', ignoresSigterm], { limitMs: 1_000, closeMs: 50 })).rejects.toThrow(
    /did not end within 1000 ms/,
  );
});

test('something that cannot be closed keeps nothing else open', async () => {
  const closed = [];
  const broken = { close: () => Promise.reject(new Error('broken')) };
  const whole = { close: async () => void closed.push('whole') };
  await expect(closeAll([broken, whole])).rejects.toThrow('broken');
  expect(closed).toEqual(['whole']);
});

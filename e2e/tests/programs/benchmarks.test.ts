// Runs each benchmark for a short time. Each must print its table. The figures are not checked.
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';

test.each([
  [
    's2',
    ['--pairs', '1', '--seconds', '1', '--sides', 'floor,socket-io,millrace,millrace-xadd'],
    /\| Millrace, library \| \d/,
  ],
  ['sse', ['--pairs', '1', '--seconds', '1'], /\| Millrace, library, read by server-sent events \| \d/],
  ['stream-memory', [], /\| `events:remote` \| 1,000 \|/],
  [
    'jitter',
    ['--clients', '20', '--seconds', '3', '--rate', '20', '--up', '1000', '--down', '300'],
    /\| Millrace, .* \| 1,200 \| 100 % \| 0 \|/,
  ],
  [
    'coalescing',
    ['--seconds', '1', '--events', '500', '--rounds', '1', '--short'],
    /\| typing in Redis, each input alone in its window \|/,
  ],
  ['import', ['--rounds', '1', '--seconds', '1'], /\| import by `POST \/v1\/events` \|/],
  ['storm', ['--rounds', '1', '--seconds', '1', '--rate', '1000'], /\| `notification` \|/],
  ['flood', ['--rounds', '1', '--seconds', '1'], /\| 20 requests to negotiate at a time \|/],
  ['load-storm', ['--clients', '60', '--rooms', '6'], /\| `FLUSHALL`, clients stay connected \| 60 \| 1 \|/],
  ['slow-clients', ['--members', '20', '--slow', '3', '--seconds', '1'], /\| one does not \|/],
  ['overload', ['--seconds', '1', '--calm', '1'], /\| `POST \/v1\/events`, one event each \|/],
  [
    'abuse',
    ['--connections', '50', '--scale', '0.1', '--rate', '1000'],
    /\| unique event IDs by `XADD` \| [\d,]+ events\/s; /,
  ],
  ['presence', ['--rounds', '1', '--members', '500', '--changes', '50'], /\| on \| \d/],
  ['check-cost', ['--rounds', '1'], /\| `catalog\.parseEvent` \|/],
])('the benchmark %s prints its table', async (name, args, row) => {
  await using benchmark = new CliProcess({
    file: process.execPath,
    args: [`${repositoryPath}bench/dist/main.js`, name, ...args],
    hasChildren: true,
  });
  // The limit is long, because the benchmark does real work on a machine that may be busy.
  expect(await benchmark.exit(110_000), benchmark.output).toBe(0);
  expect(benchmark.output).toMatch(row);
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { headlineOf, type SummaryPart } from '../src/harness/headline.js';

const ratio = (median: number) => ({ median, low: median, high: median, coverage: 0.96 });

function part(figure: string, value: number, floor: number, socketIo: number): SummaryPart {
  return {
    machine: '2 cores (AMD EPYC, shared), 24 GiB',
    figures: { millrace: { [figure]: value } },
    ratios: { millrace: { [figure]: { floor: ratio(floor), 'socket-io': ratio(socketIo) } } },
  };
}

test('the headline contains Millrace’s figures and their ratios to the other systems that ran', () => {
  const summary = {
    s1: part('p50Ms', 0.414, 1.2, 0.9),
    s2: part('p50Ms', 0.25, 1.15, 1.05),
    s4: part('perSecond', 12_345, 0.66, 1.1),
  };
  expect(headlineOf(summary)).toBe(
    'Measured side by side on 2 cores that publisher, Redis, gateway and clients share: half of the events reach their client within ' +
      '0.41 ms at 200 events/s (1.20 × a hand-written floor, 0.90 × Socket.IO) and 0.25 ms at 1,000 (1.15 × a hand-written floor, 1.05 × Socket.IO); ' +
      'one gateway carries 12,345 events/s with p99 below 50 ms (0.66 × a hand-written floor, 1.10 × Socket.IO): [docs/performance.md](docs/performance.md).',
  );
});

test('the headline is undefined until all parts that it quotes have been run', () => {
  expect(headlineOf({ s1: part('p50Ms', 1, 1, 1) })).toBeUndefined();
});

test('the README contains the headline of the last benchmark run', () => {
  const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const readme = file('README.md');
  const [, inReadme] = /<!-- begin headline -->\n([^]*?)<!-- end headline -->/.exec(readme) ?? [];
  let sentence: string | undefined;
  try {
    sentence = headlineOf(JSON.parse(file('docs/performance/summary.json')));
  } catch (error) {
    // No benchmark has been run for the docs yet.
    expect(error).toMatchObject({ code: 'ENOENT' });
  }
  expect(inReadme).toBe(sentence === undefined ? '' : `${sentence}\n`);
});

// Four test projects: `unit` (one package at a time, in less than a minute), `slow` (one package with a Redis Cluster, a damaged
// Redis, several instances or a browser), `types` (checks by the compiler) and `e2e` (the whole system: real Redis, real processes,
// real clients).
import { defineConfig } from 'vitest/config';

const source = {
  resolve: { conditions: ['@millrace/source'] },
  ssr: { resolve: { conditions: ['@millrace/source'] } },
};

const slow = [
  'packages/broker/test/redis/cluster/{conformance,faults}.test.ts',
  'packages/broker/test/redis/{failover,faults,later-build,lost-state,retention,script-cache,sentinel,stream-trouble,window-healing}.test.ts',
  'packages/publisher/test/coalescing/{shared-coalescing,message-burst}-redis.test.ts',
  'packages/signalr/test/backplane/{backplane-*,redis-backplane}.test.ts',
  'packages/signalr/test/instances/instances.test.ts',
  'packages/signalr/test/official-clients/official-matrix*.test.ts',
];

// These files run only with NIGHTLY=1, as in `npm run nightly`. They take too long for the suite, or build an earlier commit.
const nightly = [
  'e2e/tests/programs/benchmarks.test.ts',
  'e2e/faults/rolling-restart.test.ts',
  'e2e/upgrade/*.test.ts',
];
const isNightly = process.env['NIGHTLY'] === '1';

// Test files share the modules of their worker, because loading the modules for each file took half of the CPU time. Mocks and
// stubbed globals are therefore restored after each test.
const shared = { isolate: false, restoreMocks: true, unstubGlobals: true } as const;
// The time limits are long, because they only end a test that hangs, even on a machine that is busy with other work.
const patient = { testTimeout: 120_000, expect: { poll: { timeout: 30_000 } } } as const;

export default defineConfig({
  test: {
    reporters: ['default', './scripts/closing-line-reporter.mjs'],
    maxWorkers: 2,
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: [
            'packages/*/test/**/*.test.ts',
            'apps/*/test/**/*.test.ts',
            'bench/test/*.test.ts',
            'scripts/test/*.test.mjs',
          ],
          exclude: slow,
          ...shared,
          ...patient,
        },
      },
      {
        ...source,
        test: { name: 'slow', include: slow, ...shared, ...patient },
      },
      {
        ...source,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['packages/*/test/**/*.test-d.ts', 'apps/*/test/**/*.test-d.ts'],
            tsconfig: './tsconfig.tests.json',
          },
        },
      },
      {
        ...source,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...(isNightly ? [] : nightly)],
          ...shared,
          // The e2e tests run after the other projects. They get three workers instead of two, because they wait more than they
          // compute.
          sequence: { groupOrder: 1 },
          maxWorkers: 3,
          testTimeout: 300_000,
          // Some hooks install tarballs, whose dependencies come from the registry.
          hookTimeout: 300_000,
        },
      },
    ],
  },
});

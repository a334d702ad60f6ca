// Four test projects: `unit` (one package at a time, in less than a minute), `slow` (one package with a Redis Cluster, a damaged
// Redis, several instances or a browser), `types` (checks by the compiler) and `e2e` (the whole system: real Redis, real processes,
// real clients).
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/vitest/longest-first.js';

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

// These files take too long for the suite, or build an earlier commit. They run only with NIGHTLY=1, as in `npm run nightly`.
const nightly = [
  'scripts/test/damaged-packages.test.mjs',
  'e2e/tests/programs/{benchmarks,create-millrace,dotnet-guide,site}.test.ts',
  'e2e/faults/rolling-restart.test.ts',
  'e2e/faults/presence-storm.test.ts',
  'e2e/tests/presence/{default-grace,redis-that-restarts}.test.ts',
  'e2e/tests/helpdesk/looks.test.ts',
  'e2e/upgrade/*.test.ts',
];
const isNightly = process.env['NIGHTLY'] === '1';

// Test files share the modules of their worker, because loading the modules again for each file took half of the CPU time.
// Mocks and stubbed globals are therefore restored after each test.
const shared = {
  isolate: false,
  restoreMocks: true,
  unstubGlobals: true,
  setupFiles: ['./scripts/vitest/property-test-sizes.mjs'],
};

// The time limits only end a test that hangs. They are long, so that a test also passes on a busy machine.
const patient = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 30_000 } },
} as const;

export default defineConfig({
  test: {
    reporters: ['default', './scripts/vitest/closing-line-reporter.mjs'],
    // More workers than the two cores of the usual machine, because most tests wait more than they compute. All projects run at
    // the same time, so that tests that compute fill the time in which others wait.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    globalSetup: './scripts/vitest/bundle-if-stale.mjs',
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
          exclude: [...slow, ...(isNightly ? [] : nightly)],
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
          ...patient,
          testTimeout: 300_000,
          // Some hooks install tarballs, whose dependencies come from the registry.
          hookTimeout: 300_000,
        },
      },
    ],
  },
});

// The order in which the test files of the suite start.
import { expect, test } from 'vitest';
import { startOrder } from '../vitest/longest-first.ts';

const orderOf = (...paths) =>
  startOrder(paths.map((path) => ({ moduleId: `/millrace/${path}` }))).map(({ moduleId }) =>
    moduleId.replace('/millrace/', ''),
  );

test('one of three files is a fault test, until all fault tests have started', () => {
  expect(
    orderOf(
      'e2e/faults/1.test.ts',
      'e2e/faults/2.test.ts',
      'e2e/tests/resume/a.test.ts',
      'e2e/tests/resume/b.test.ts',
      'e2e/tests/resume/c.test.ts',
      'e2e/tests/resume/d.test.ts',
      'e2e/tests/resume/e.test.ts',
    ),
  ).toEqual([
    'e2e/faults/1.test.ts',
    'e2e/tests/resume/a.test.ts',
    'e2e/tests/resume/b.test.ts',
    'e2e/faults/2.test.ts',
    'e2e/tests/resume/c.test.ts',
    'e2e/tests/resume/d.test.ts',
    'e2e/tests/resume/e.test.ts',
  ]);
});

test('files of the longest folders start first, and files of one folder keep their order', () => {
  expect(
    orderOf(
      'packages/broker/test/arguments.test.ts',
      'packages/broker/test/redis/faults.test.ts',
      'e2e/tests/views/b.test.ts',
      'e2e/tests/views/a.test.ts',
      'e2e/tests/resume/a.test.ts',
      'e2e/faults/1.test.ts',
    ),
  ).toEqual([
    'e2e/faults/1.test.ts',
    'e2e/tests/resume/a.test.ts',
    'e2e/tests/views/b.test.ts',
    'e2e/tests/views/a.test.ts',
    'packages/broker/test/redis/faults.test.ts',
    'packages/broker/test/arguments.test.ts',
  ]);
});

test('every file starts once if there are more fault tests than other files', () => {
  expect(orderOf('e2e/faults/1.test.ts', 'e2e/faults/2.test.ts', 'packages/a.test.ts')).toEqual([
    'e2e/faults/1.test.ts',
    'packages/a.test.ts',
    'e2e/faults/2.test.ts',
  ]);
});

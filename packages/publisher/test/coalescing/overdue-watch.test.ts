// The watch runs one check at a time, however often it is started and stopped.
import { eventCatalog } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { OverdueWatch } from '../../src/coalescing/overdue-watch.js';

it('a watch that is stopped and started during a check runs one loop', async () => {
  const clock = fakeClock();
  const waiting: (() => void)[] = [];
  const watch = new OverdueWatch({
    clock,
    catalog: eventCatalog,
    windows: { overdue: () => new Promise((resolve) => waiting.push(() => resolve([]))) },
    flush: () => Promise.resolve(),
    onFailure: () => {},
  });
  watch.start();
  await clock.advance(80);
  expect(waiting).toHaveLength(watch.slots.length);
  watch.stop();
  watch.start();
  for (const answer of waiting.splice(0)) answer();
  await clock.advance(0);
  expect(clock.timerCount).toBe(1);
  watch.stop();
  expect(clock.timerCount).toBe(0);
});

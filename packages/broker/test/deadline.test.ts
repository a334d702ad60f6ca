// A deadline does not count the time in which this very process did not run.
import { execFileSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { append, CHAT, fakeClock, startRedis } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { withDeadline } from '../src/redis/deadline.js';
import { openBroker } from './redis-fixture.js';

const tooLate = (): Error => new Error('too late');

describe('a deadline', () => {
  it('a deadline passes when the time has passed, and leaves no timer behind', async () => {
    const clock = fakeClock();
    let outcome = 'open';
    withDeadline(clock, new Promise(() => {}), 1_000, tooLate).catch((error: Error) => {
      outcome = error.message;
    });
    await clock.advance(999);
    expect(outcome).toBe('open');
    await clock.advance(1);
    await turn();
    expect(outcome).toBe('too late');
    expect(clock.timerCount).toBe(0);
  });

  it('a deadline leaves no timer behind when the work was in time', async () => {
    const clock = fakeClock();
    await expect(withDeadline(clock, Promise.resolve('done'), 1_000, tooLate)).resolves.toBe('done');
    expect(clock.timerCount).toBe(0);
  });

  it('a deadline gives the other side the rest of its time after this process has slept through all of it', async () => {
    const clock = fakeClock();
    let outcome = 'open';
    withDeadline(clock, new Promise(() => {}), 1_000, tooLate).catch((error: Error) => {
      outcome = error.message;
    });
    clock.sleep(60_000);
    await clock.advance(749);
    expect(outcome).toBe('open');
    await clock.advance(1);
    await turn();
    expect(outcome).toBe('too late');
  });
});

describe('a process that did not run for longer than its deadline', () => {
  it('a process that slept takes the reply that is in the socket when it wakes, and keeps its connection', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, { commandTimeoutMs: 1_000 });
    const states: string[] = [];
    broker.onStateChange((state) => states.push(state));
    // From here on Redis knows the script.
    await append(broker, { stream: CHAT, fields: { n: '0' } });
    const publishing = append(broker, { stream: CHAT, fields: { n: '1' } });
    await Promise.resolve();
    // The command is written at the end of this turn; then nothing of this process runs any more until Redis has answered and
    // the deadline has passed.
    await turn();
    sleepUntilAnswered(redis.port, 1_500);
    await expect(publishing).resolves.toMatchObject({ isDuplicate: false });
    await append(broker, { stream: CHAT, fields: { n: '2' } });
    expect(states).toEqual([]);
  });
});

/** Redis answers in the order in which it is asked, so what it was asked before has been answered as well. */
function sleepUntilAnswered(port: number, atLeastMs: number): void {
  const startMs = performance.now();
  do execFileSync('redis-cli', ['-p', String(port), 'ping']);
  while (performance.now() - startMs < atLeastMs);
}

// A deadline does not count the time in which this process did not run.
import { execFileSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { append, CHAT, type FakeClock, fakeClock, startRedis } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { type Deadline, DeadlineWatch } from '../../src/redis/connection/deadline-watch.js';
import { openBroker } from '../support/redis-fixture.js';

/** Creates a watch over several deadlines, and records the names of those that have passed. */
function watched(clock: FakeClock) {
  const open = new Map<string, Deadline>();
  const passed: string[] = [];
  const earliest = (): Deadline | undefined => [...open.values()].sort((a, b) => a.dueMs - b.dueMs)[0];
  const watch = new DeadlineWatch(clock, earliest, (nowMs) => {
    for (const [name, { dueMs }] of open) if (dueMs <= nowMs && open.delete(name)) passed.push(name);
  });
  return {
    passed,
    start: (name: string, timeoutMs: number) => open.set(name, watch.start(timeoutMs)),
    answer: (name: string) => open.delete(name),
    stop: () => watch.stop(),
  };
}

describe('a deadline', () => {
  it('a deadline passes exactly when its timeout is over, and leaves no timer behind', async () => {
    const clock = fakeClock();
    const { start, passed } = watched(clock);
    start('a', 1_000);
    await clock.advance(999);
    await turn();
    expect(passed).toEqual([]);
    await clock.advance(1);
    await turn();
    expect(passed).toEqual(['a']);
    expect(clock.timerCount).toBe(0);
  });

  it('a DeadlineWatch uses one timer for any number of commands, and no timer without open commands', async () => {
    const clock = fakeClock();
    const { start, answer, passed } = watched(clock);
    for (let n = 0; n < 100; n++) {
      start('a', 1_000);
      answer('a');
      expect(clock.timerCount).toBe(1);
      await clock.advance(1);
    }
    await clock.advance(1_000);
    await turn();
    expect(passed).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });

  it('each of several deadlines passes at its own time', async () => {
    const clock = fakeClock();
    const { start, answer, passed } = watched(clock);
    start('long', 1_000);
    await clock.advance(100);
    start('answered', 150);
    start('short', 200);
    await clock.advance(100);
    answer('answered');
    await clock.advance(99);
    await turn();
    expect(passed).toEqual([]);
    await clock.advance(1);
    await turn();
    expect(passed).toEqual(['short']);
    await clock.advance(699);
    await turn();
    expect(passed).toEqual(['short']);
    await clock.advance(1);
    await turn();
    expect(passed).toEqual(['short', 'long']);
  });

  it('a deadline passes when another deadline starts at the same moment', async () => {
    const clock = fakeClock();
    const { start, passed } = watched(clock);
    start('a', 1_000);
    await clock.advance(1_000);
    start('b', 1_000);
    await turn();
    expect(passed).toEqual(['a']);
    await clock.advance(1_000);
    await turn();
    expect(passed).toEqual(['a', 'b']);
    expect(clock.timerCount).toBe(0);
  });

  it('a DeadlineWatch leaves no timer behind when it is stopped, and works again with the next deadline', async () => {
    const clock = fakeClock();
    const { start, stop, answer, passed } = watched(clock);
    start('a', 1_000);
    stop();
    expect(clock.timerCount).toBe(0);
    answer('a');
    start('b', 1_000);
    await clock.advance(1_000);
    await turn();
    expect(passed).toEqual(['b']);
  });

  it('a long sleep of this process uses up only a quarter of a deadline', async () => {
    const clock = fakeClock();
    const { start, passed } = watched(clock);
    start('a', 1_000);
    clock.sleep(60_000);
    await clock.advance(749);
    await turn();
    expect(passed).toEqual([]);
    await clock.advance(1);
    await turn();
    expect(passed).toEqual(['a']);
  });
});

describe('a process that did not run for longer than its deadline', () => {
  it('a process that slept past a deadline reads a reply that arrived during its sleep, and keeps its connection', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, { commandTimeoutMs: 1_000 });
    const states: string[] = [];
    broker.onStateChange((state) => states.push(state));
    // After this call, Redis has cached the publish script.
    await append(broker, { stream: CHAT, fields: { n: '0' } });
    const publishing = append(broker, { stream: CHAT, fields: { n: '1' } });
    await Promise.resolve();
    // The command is written at the end of this turn. This process is then blocked until Redis has answered and the deadline
    // has passed.
    await turn();
    sleepUntilAnswered(redis.port, 1_500);
    await expect(publishing).resolves.toMatchObject({ isDuplicate: false });
    await append(broker, { stream: CHAT, fields: { n: '2' } });
    expect(states).toEqual([]);
  });
});

/**
 * Blocks this process for at least `atLeastMs`, and until Redis has answered the earlier command. Redis executes commands one
 * after the other, so it answers this PING after the earlier command.
 */
function sleepUntilAnswered(port: number, atLeastMs: number): void {
  const startMs = performance.now();
  do execFileSync('redis-cli', ['-p', String(port), 'ping']);
  while (performance.now() - startMs < atLeastMs);
}

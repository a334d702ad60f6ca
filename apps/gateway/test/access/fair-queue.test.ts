// The order in which waiting tasks start, and their bounds.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FairQueue } from '../../src/access/fair-queue.js';

it('the owners take turns, and one owner runs a bounded number of tasks', () => {
  const queue = new FairQueue<string>({
    maxRunning: 3,
    maxRunningPerOwner: 2,
    maxWaiting: 100,
    maxWaitingPerOwner: 10,
  });
  for (const task of ['a1', 'a2', 'a3', 'a4']) queue.add('a', task);
  for (const task of ['b1', 'b2']) queue.add('b', task);
  expect([queue.next(), queue.next(), queue.next(), queue.next()]).toEqual(['a1', 'b1', 'a2', undefined]);
  queue.end('a');
  queue.end('b');
  expect([queue.next(), queue.next(), queue.next()]).toEqual(['b2', 'a3', undefined]);
});

it('random tasks never break a bound, every accepted task starts once, and an owner keeps its order', () => {
  const step = fc.record({
    owner: fc.constantFrom('a', 'b', 'c'),
    // Mostly additions, so that the queue is often full.
    what: fc.oneof(
      { weight: 12, arbitrary: fc.constant('add' as const) },
      { weight: 4, arbitrary: fc.constantFrom('end' as const, 'remove' as const) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
    ),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const bounds = { maxRunning: 3, maxRunningPerOwner: 2, maxWaiting: 8, maxWaitingPerOwner: 5 };
      const queue = new FairQueue<{ owner: string; id: number }>(bounds);
      const running = new Map([
        ['a', 0],
        ['b', 0],
        ['c', 0],
      ]);
      let waiting: { owner: string; id: number }[] = [];
      const count = (owner: string) => running.get(owner) ?? 0;
      const total = () => [...running.values()].reduce((sum, value) => sum + value, 0);
      steps.forEach(({ owner, what }, id) => {
        if (what === 'add') {
          const task = { owner, id };
          const mayStart = total() < 3 && count(owner) < 2;
          expect(queue.mayStart(owner)).toBe(mayStart);
          if (mayStart) {
            queue.start(owner);
            running.set(owner, count(owner) + 1);
          } else {
            const isAccepted =
              waiting.length < 8 && waiting.filter((other) => other.owner === owner).length < 5;
            expect(queue.add(owner, task)).toBe(isAccepted);
            if (isAccepted) waiting.push(task);
          }
        } else if (what === 'remove') {
          const task = waiting.find((other) => other.owner === owner);
          if (task !== undefined) queue.remove(owner, task);
          waiting = waiting.filter((other) => other !== task);
        } else if (what === 'clear') {
          expect(new Set(queue.takeWaiting())).toEqual(new Set(waiting));
          waiting = [];
        } else if (count(owner) > 0) {
          queue.end(owner);
          running.set(owner, count(owner) - 1);
        }
        for (let next = queue.next(); next !== undefined; next = queue.next()) {
          const { owner: started } = next;
          expect(waiting.find((other) => other.owner === started)).toBe(next);
          waiting = waiting.filter((other) => other !== next);
          running.set(started, count(started) + 1);
        }
        expect(total()).toBeLessThanOrEqual(3);
        for (const value of running.values()) expect(value).toBeLessThanOrEqual(2);
        // No task waits that might start.
        if (total() < 3) for (const task of waiting) expect(count(task.owner)).toBe(2);
      });
    }),
  );
});

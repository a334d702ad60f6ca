// What holds for every sequence of events: counts add up, the newest wins, nothing waits for ever.
import { type CoalescingWindow, createCoalescing, eventCatalog, type StreamEvent } from '@millrace/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { message, receipt, start, stop } from './coalescing-samples.js';

type Step =
  | {
      readonly kind: 'start' | 'stop' | 'receipt' | 'message';
      readonly user: number;
      readonly ms: number;
      readonly count?: number;
      readonly messages: number[];
    }
  | { readonly kind: 'repeat'; readonly back: number }
  | { readonly kind: 'flush' };

const eventStep = (...kinds: ('start' | 'stop' | 'receipt' | 'message')[]): fc.Arbitrary<Step> =>
  fc.record(
    {
      kind: fc.constantFrom(...kinds),
      user: fc.integer({ min: 1, max: 3 }),
      ms: fc.nat(6),
      messages: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }),
      count: fc.integer({ min: 1, max: 5 }),
    },
    { requiredKeys: ['kind', 'user', 'ms', 'messages'] },
  );
const otherStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('repeat' as const), back: fc.nat(3) }),
  fc.constant({ kind: 'flush' as const }),
);
const steps = (events: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> =>
  fc.array(fc.oneof({ weight: 5, arbitrary: events }, { weight: 1, arbitrary: otherStep }), {
    maxLength: 40,
  });

interface Run {
  readonly published: StreamEvent[];
  /** Events that went in, repeats and ignored ones not among them, by window. */
  readonly windows: StreamEvent[][];
  counted: number;
  dropped: number;
}

function eventOfStep(step: Exclude<Step, { kind: 'repeat' | 'flush' }>, id: number): StreamEvent {
  const parts = {
    id,
    ms: step.ms,
    user: step.user,
    ...(step.count === undefined ? {} : { count: step.count }),
  };
  if (step.kind === 'start') return start(parts);
  if (step.kind === 'stop') return stop(parts);
  return step.kind === 'receipt' ? receipt(parts, step.messages) : message(parts);
}

/** Runs the steps as a publisher would, through JSON after each, and flushes at the end. */
function run(all: readonly Step[], maxEvents = 1024): Run {
  const rules = createCoalescing(eventCatalog, { maxEvents });
  const result: Run = { published: [], windows: [[]], counted: 0, dropped: 0 };
  const sent: StreamEvent[] = [];
  let window: CoalescingWindow | undefined;
  const flush = (): void => {
    const flushed = rules.flush(window);
    result.published.push(...flushed.events);
    window = rules.publish(flushed.window);
    result.windows.push([]);
  };
  const add = (event: StreamEvent): void => {
    const added = rules.add(window, event, 0);
    window = added.window && JSON.parse(JSON.stringify(added.window));
    if (added.outcome === 'full') {
      flush();
      add(event);
    } else if (added.outcome !== 'repeat') {
      result.counted += added.count;
      result.windows.at(-1)?.push(event);
    }
  };
  for (const [index, step] of all.entries()) {
    if (step.kind === 'flush') flush();
    else if (step.kind === 'repeat') {
      const event = sent.at(-1 - step.back);
      if (event !== undefined) add(event);
    } else {
      const event = eventOfStep(step, index);
      if (step.kind === 'message') {
        const slotKey = rules.endedBy(event);
        if (slotKey === undefined) throw new Error('a message ends typing');
        const { window: left, ended } = rules.end(window, slotKey);
        window = left;
        result.dropped += ended?.metadata?.coalesced_count ?? 0;
        result.windows[result.windows.length - 1] = (result.windows.at(-1) ?? []).filter(
          (other) => userOf(other) !== slotKey.key,
        );
      } else {
        sent.push(event);
        add(event);
      }
    }
  }
  flush();
  return result;
}

function userOf(event: StreamEvent): unknown {
  return (event.payload as { user_id: string }).user_id;
}

function total(events: readonly StreamEvent[]): number {
  return events.reduce((sum, event) => sum + (event.metadata?.coalesced_count ?? 0), 0);
}

test.each([1, 2, 1024])(
  'what went in is what was published plus what was dropped (windows of %d)',
  (maxEvents) => {
    fc.assert(
      fc.property(steps(eventStep('start', 'stop', 'message')), (all) => {
        const { published, counted, dropped } = run(all, maxEvents);
        expect(total(published) + dropped).toBe(counted);
      }),
    );
  },
);

test('every published event is valid, and one that went in but for payload and metadata', () => {
  fc.assert(
    fc.property(steps(eventStep('start', 'stop', 'message')), (all) => {
      const { published, windows } = run(all);
      const ids = new Set(
        windows.flat().map((event) => `${event.event_id} ${event.timestamp} ${event.event_type}`),
      );
      for (const event of published) {
        expect(eventCatalog.parseEvent(event).ok).toBe(true);
        expect(ids).toContain(`${event.event_id} ${event.timestamp} ${event.event_type}`);
      }
    }),
  );
});

test('per user and window the last to come is published, unless a message came after it', () => {
  fc.assert(
    fc.property(steps(eventStep('start', 'stop', 'message')), (all) => {
      const { published, windows } = run(all);
      const expected = windows.flatMap((events) => {
        const newest = new Map<unknown, StreamEvent>();
        for (const event of events) {
          const user = userOf(event);
          newest.set(user, event);
        }
        return [...newest.values()].map((event) => event.event_id);
      });
      expect(published.map((event) => event.event_id)).toEqual(expected);
    }),
  );
});

test('receipts lose no message and name none twice', () => {
  fc.assert(
    fc.property(steps(eventStep('receipt')), fc.constantFrom(1, 3, 1024), (all, maxEvents) => {
      const { published, windows, counted } = run(all, maxEvents);
      const idsOf = (events: readonly StreamEvent[]): Set<string> =>
        new Set(events.flatMap((event) => (event.payload as { message_ids: string[] }).message_ids));
      expect(idsOf(published)).toEqual(idsOf(windows.flat()));
      expect(total(published)).toBe(counted);
      for (const event of published) {
        const { message_ids } = event.payload as { message_ids: string[] };
        expect(new Set(message_ids).size).toBe(message_ids.length);
      }
    }),
  );
});

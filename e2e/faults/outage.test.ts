// Redis is down under load for longer than events may wait in the publisher. Each event must have the outcome that the
// publisher reported. The outage takes 7 s, or longer with OUTAGE_SECONDS=30.
import { setTimeout as pause } from 'node:timers/promises';
import { PublisherError } from '@millrace/publisher';
import { expect, test } from 'vitest';
import { chatMessage, streamOfType } from '../fixtures/events/sample-events.js';
import { FaultSystem } from './support/fault-system.js';
import { judge, type PublishRecord } from './support/oracle.js';

const outageMs = Number(process.env['OUTAGE_SECONDS'] ?? '7') * 1_000;
const eventsPerSecond = 500;
const aroundMs = 1_000;
/** The default maximum of a publisher's batch. Batches grow to it when the publisher gets little CPU time. */
const publishBatchSize = 512;

interface Outcomes {
  readonly confirmed: PublishRecord[];
  readonly unknown: Set<string>;
  readonly refused: Set<string>;
}

test(
  'each event of a Redis outage is delivered once if it was stored, and never if it was refused',
  async () => {
    await using system = await FaultSystem.start({
      redisArgs: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
    });
    const outcomes: Outcomes = { confirmed: [], unknown: new Set(), refused: new Set() };
    const publishing = publishOnce(system, outcomes, outageMs + 2 * aroundMs);
    await pause(aroundMs);
    await system.redis.written();
    await system.redis.stop();
    await pause(outageMs);
    await system.redis.restart();
    await publishing;
    await system.recovered();
    const { confirmed, unknown, refused } = outcomes;
    await expect
      .poll(() => judge(confirmed, system.clients, unknown).lost, { timeout: 30_000, interval: 200 })
      .toBe(0);
    expect(judge(confirmed, system.clients, unknown)).toMatchObject({
      handledTwice: 0,
      outOfOrder: 0,
      wronglyRecovered: 0,
    });
    const handled = new Set(system.clients.flatMap(({ records }) => records.flatMap(eventIdOf)));
    expect([...refused].filter((eventId) => handled.has(eventId))).toEqual([]);
    // The publisher refused the outage's first events in time. It kept the last events and stored them later.
    expect(refused.size).toBeGreaterThan(0);
    // Only the events of the batch that was being sent when Redis stopped have an unknown outcome.
    expect(unknown.size).toBeLessThanOrEqual(publishBatchSize);
    console.info(
      `${confirmed.length} stored, ${refused.size} refused, ${unknown.size} unknown of ${confirmed.length + refused.size + unknown.size}`,
    );
  },
  outageMs + 110_000,
);

/** Publishes each event once, and does not retry failed events. */
async function publishOnce({ publisher }: FaultSystem, outcomes: Outcomes, forMs: number): Promise<void> {
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  while (performance.now() - startMs < forMs) {
    const due = ((performance.now() - startMs) / 1_000) * eventsPerSecond;
    while (pending.length < due) pending.push(publishOne(publisher, outcomes, pending.length));
    // This pause sets the rate of the load.
    await pause(10);
  }
  await Promise.all(pending);
}

async function publishOne(
  publisher: FaultSystem['publisher'],
  { confirmed, unknown, refused }: Outcomes,
  number: number,
): Promise<void> {
  const event = chatMessage(`room-${number % 50}`, `number ${number}`);
  const startedAtMs = performance.now();
  try {
    const [result] = (await publisher.publishEvents([event])) as { readonly entryId: string }[];
    confirmed.push({
      eventId: event.event_id,
      roomId: event.room_id,
      stream: streamOfType[event.event_type],
      entryId: result?.entryId ?? '',
      startedAtMs,
      confirmedAtMs: performance.now(),
    });
  } catch (error) {
    if (!(error instanceof PublisherError)) throw error;
    expect(error.retryAfterMs).toBeGreaterThan(0);
    (error.outcome === 'unknown' ? unknown : refused).add(error.eventId);
  }
}

function eventIdOf(record: FaultSystem['clients'][number]['records'][number]): readonly string[] {
  return record.kind === 'handled' ? [record.eventId] : [];
}

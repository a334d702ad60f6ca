// A gateway learns of removals whose entries it has not read, and stores again what the store has lost.
import { type Broker, createMemoryBroker, type EntryId } from '@millrace/broker';
import { eventCatalog, readControlEntry } from '@millrace/contract';
import { createPublisher, type Publisher } from '@millrace/publisher';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { RevocationSync } from '../../src/membership/revocation-sync.js';
import { Revocations } from '../../src/membership/revocations.js';
import type { WaitOutcome } from '../../src/replay/position-waiter.js';
import type { Logger } from '../../src/telemetry/logger.js';

const streams = eventCatalog.streams.map(({ name }) => name);

async function openBroker(): Promise<Broker> {
  const broker = createMemoryBroker({ streams: eventCatalog.streams });
  await broker.open();
  return broker;
}

async function setUp(over: Partial<Broker> = {}) {
  const broker = await openBroker();
  const publisher = createPublisher({ broker, catalog: eventCatalog });
  const clock = fakeClock();
  const warnings: string[] = [];
  const waits: (readonly (readonly [string, EntryId])[])[] = [];
  let outcome: WaitOutcome = 'reached';
  const revocations = new Revocations({
    streamsOf: () => streams,
    brokerTimeMs: () => Date.now(),
    onRemoved: () => {},
    onSignedOut: () => {},
  });
  const sync = new RevocationSync({
    broker: { revocations: over.revocations ?? broker.revocations },
    revocations,
    publisher,
    brokerTimeMs: () => Date.now(),
    clock,
    // Only this form of `warn` is used.
    logger: { warn: (_: object, text: string) => void warnings.push(text) } as unknown as Logger,
    streamsOf: () => streams,
    waitFor: (entries) => {
      waits.push([...entries]);
      return outcome;
    },
  });
  return {
    broker,
    publisher,
    clock,
    revocations,
    sync,
    warnings,
    waits,
    answerWaits: (next: WaitOutcome) => {
      outcome = next;
    },
  };
}

describe('a gateway that has not read an entry', () => {
  it('the sync learns from the store who was removed and who was signed out', async () => {
    const { publisher, revocations, sync } = await setUp();
    await publisher.removeMember('room', 'ana');
    await publisher.signOut('bob');
    await sync.load(streams);
    expect(revocations.statusOf('room', 'ana')).toBe('removed');
    expect(revocations.isSignedOut('bob', 1_000)).toBe(true);
    expect(revocations.isSignedOut('ana', 1_000)).toBe(false);
  });

  it('the sync asks again until the store answers, with one warning, and ends when it is stopped', async () => {
    let failures = 2;
    const store = (await openBroker()).revocations;
    const failing = {
      ...store,
      list: async () => {
        if (failures > 0) {
          failures -= 1;
          throw new Error('away');
        }
        return [];
      },
    } as unknown as Broker['revocations']; // Only `list` is called.
    const { sync, clock, warnings } = await setUp({ revocations: failing });
    const refreshed = sync.refresh('events:chat');
    await clock.advance(60_000);
    await refreshed;
    expect([failures, warnings.length]).toEqual([0, 1]);
    failures = Number.POSITIVE_INFINITY;
    const endless = sync.refresh('events:chat');
    await clock.advance(60_000);
    sync.stop();
    await clock.advance(60_000);
    await endless;
  });
});

describe('a user who was removed and wants to enter', () => {
  it('a user whom the store still counts as removed is refused', async () => {
    const { publisher, sync, waits } = await setUp();
    await publisher.removeMember('room', 'ana');
    await sync.load(streams);
    expect(await sync.recheck('room', 'ana')).toBe('removed');
    expect(waits).toEqual([]);
  });

  it('a user who was added again enters as soon as the gateway has read so', async () => {
    const { publisher, sync, waits, revocations, answerWaits } = await setUp();
    await publisher.removeMember('room', 'ana');
    await sync.load(streams);
    await publisher.addMember('room', 'ana');
    answerWaits('unknown');
    expect(await sync.recheck('room', 'ana')).toBe('unknown');
    expect(waits[0]?.map(([stream]) => stream)).toEqual(streams);
    expect(revocations.isRemoved('room', 'ana')).toBe(true);
    answerWaits('reached');
    expect(await sync.recheck('room', 'ana')).toBe('member');
    expect(revocations.isRemoved('room', 'ana')).toBe(false);
  });

  it('the removal holds while the store does not answer', async () => {
    const { broker, publisher, sync } = await setUp();
    await publisher.removeMember('room', 'ana');
    await sync.load(streams);
    await broker.close();
    expect(await sync.recheck('room', 'ana')).toBe('removed');
  });
});

/** Returns the state and the time of every revocation in a stream, by name. */
async function storedIn({ broker }: { readonly broker: Broker }, stream: string) {
  const listed = await broker.revocations.list(stream);
  return Object.fromEntries(listed.map(({ name, state, changedMs }) => [name, { state, changedMs }]));
}

describe('a gateway whose store has lost its data', () => {
  async function lose(act: (publisher: Publisher) => Promise<unknown>) {
    const lost = await setUp();
    await act(lost.publisher);
    const known = await setUp();
    for (const stream of streams)
      for (const revocation of await lost.broker.revocations.list(stream))
        known.revocations.merge(stream, revocation);
    const restore = async (): Promise<void> => {
      for (const stream of streams) await known.sync.restore(stream);
    };
    return { lost, known, restore };
  }

  it('it stores again the removals that the store has lost', async () => {
    const { lost, known, restore } = await lose(async (publisher) => {
      await publisher.removeMember('room', 'ana');
      await publisher.removeMember('room', 'bob');
      await publisher.addMember('room', 'bob');
    });
    await restore();
    await restore();
    const name = '["member","ana","room"]';
    for (const stream of streams) {
      const { [name]: ana } = await storedIn(lost, stream);
      expect(await storedIn(known, stream)).toEqual({ [name]: { ...ana, state: 'revoked' } });
      expect(await known.broker.readRange(stream, { count: 10 })).toHaveLength(1);
    }
    expect(known.warnings).toEqual([]);
  });

  it('a sign-out keeps its time, so that tokens that were issued after it stay valid', async () => {
    const { lost, known, restore } = await lose((publisher) => publisher.signOut('ana'));
    await restore();
    for (const stream of streams) expect(await storedIn(known, stream)).toEqual(await storedIn(lost, stream));
    const [control] = await known.broker.readRange('events:chat', { count: 1 });
    expect(readControlEntry(control?.fields ?? {})).toMatchObject({
      kind: 'sign_out',
      changedMs: (await lost.broker.revocations.list('events:chat'))[0]?.changedMs,
    });
  });

  it('a user who was removed and added again meanwhile is not removed again', async () => {
    const { known, restore } = await lose((publisher) => publisher.removeMember('room', 'ana'));
    await known.publisher.removeMember('room', 'ana');
    await known.publisher.addMember('room', 'ana');
    await restore();
    for (const stream of streams)
      expect(Object.values(await storedIn(known, stream))).toMatchObject([{ state: 'restored' }]);
  });
});

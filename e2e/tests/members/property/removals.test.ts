// Random publishes, removals, returns, reconnects, reads over HTTP, and bursts that make clients catch up race on three gateways, on one
// Redis and on a cluster with partitions. `MEMBER_RUNS=200` runs more of them, as `npm run nightly` does.
import { randomUUID } from 'node:crypto';
import { type Broker, createRedisBroker } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { startRedis, startRedisCluster } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../../fixtures/clients/event-log.js';
import { idsOf, lastingEvents } from '../../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../../fixtures/http/ingest.js';
import { addMember, memberKey, memberOptions, removeMember } from '../../../fixtures/http/members.js';
import { signToken } from '../../../fixtures/http/tokens.js';
import { EmbeddedGateway } from '../../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../../fixtures/systems/resources.js';
import { sharedSystem } from '../../../fixtures/systems/shared-system.js';
import { eventually } from '../../../fixtures/waiting/eventually.js';
import { faultsOf } from './judge.js';
import { MemberSessions } from './member-sessions.js';
import { RoomReader } from './room-reader.js';
import { StreamTruth } from './stream-truth.js';

const runs = Number(process.env['MEMBER_RUNS'] ?? 2);
const gatewayCount = 3;
/** So few messages fill a queue that every burst makes clients catch up. */
const crowdedMessages = 12;
const burstEvents = 25;

interface System extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly broker: Broker;
}

async function startSystem(isCluster: boolean): Promise<System> {
  return Resources.start(async (resources) => {
    const redis = resources.use(isCluster ? await startRedisCluster() : await startRedis());
    const urls: string[] = [];
    for (let number = 1; number <= gatewayCount; number += 1) {
      const gateway = await EmbeddedGateway.start({
        ...memberOptions,
        redisUrl: redis.url,
        instance: `gateway-${number}`,
        maxOutboundMessages: crowdedMessages,
        ...(isCluster ? { partitions: 2 } : {}),
      });
      urls.push(resources.use(gateway).url);
    }
    const broker = createRedisBroker({ url: redis.url, streams: eventCatalog.streams });
    await broker.open();
    resources.defer(() => broker.close());
    return { urls, broker, [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose]() };
  });
}

const room = fc.nat({ max: 1 });
const gateway = fc.nat({ max: gatewayCount - 1 });
const act = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('publish' as const), room, gateway }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('burst' as const), room, gateway }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('member' as const), room, gateway }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('resume' as const), room, gateway }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('enter' as const), room, gateway }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('page' as const, 'poll', 'stream'), room, gateway }),
  },
);
/** The acts of one step run at the same time. */
const steps = fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 4, maxLength: 12 });
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

/** One user with a client and a reader per gateway, a witness, and two rooms. */
class Trial {
  readonly #system: System;
  readonly #rooms = [randomUUID(), randomUUID()] as const;
  readonly #userId = randomUUID();
  readonly #removed = new Set<string>();
  readonly #clients: MemberSessions[] = [];
  readonly #readers: RoomReader[] = [];

  constructor(system: System) {
    this.#system = system;
  }

  async run(given: readonly (readonly Act[])[]): Promise<void> {
    const { urls, broker } = this.#system;
    await using resources = new Resources();
    const token = await signToken({ sub: this.#userId, rooms: ['*'] });
    await using witness = await EventLog.connect(urls[0] ?? '', {
      token: await signToken({ sub: randomUUID(), rooms: ['*'] }),
    });
    for (const roomId of this.#rooms) await witness.join(roomId);
    for (const url of urls) {
      const client = new MemberSessions(token);
      this.#clients.push(client);
      await client.connect(url);
      const reader = resources.use(new RoomReader(token));
      this.#readers.push(reader);
      for (const roomId of this.#rooms) {
        await client.join(roomId, false);
        await reader.page(url, roomId);
        await reader.stream(url, roomId);
      }
    }
    for (const step of given) await Promise.all(distinct(step).map((one) => this.#perform(one)));
    // The last events show that everything before them has arrived.
    for (const roomId of this.#rooms) {
      const last = await this.#publish(roomId, 8, 0);
      for (const eventId of last) await witness.event(({ event_id }) => event_id === eventId);
    }
    for (const reader of this.#readers) await reader.finished();
    const truth = await StreamTruth.read(broker);
    const receivers = [...this.#clients, ...this.#readers];
    await eventually(() => expect(faultsOf(this.#userId, receivers, truth, broker.partitioning)).toEqual([]));
    for (const client of this.#clients) await client.close();
    const ofRooms = truth.events.filter(({ roomId }) => this.#rooms.some((id) => id === roomId));
    expect(new Set(witness.ids)).toEqual(new Set(ofRooms.map(({ eventId }) => eventId)));
  }

  async #perform({ kind, room, gateway }: Act): Promise<void> {
    const roomId = this.#rooms[room] ?? '';
    const url = this.#system.urls[gateway] ?? '';
    const client = this.#clients[gateway];
    // Readers, like clients, come back to another gateway than the one that they left.
    const reader = this.#readers[(gateway + 1) % gatewayCount];
    switch (kind) {
      case 'publish':
        await this.#publish(roomId, 3, gateway);
        return;
      case 'burst':
        await this.#publish(roomId, burstEvents, gateway);
        return;
      case 'member': {
        const isRemoved = this.#removed.has(roomId);
        const answer = await (isRemoved ? addMember : removeMember)(url, roomId, this.#userId);
        expect(answer.status).toBe(200);
        if (isRemoved) this.#removed.delete(roomId);
        else this.#removed.add(roomId);
        return;
      }
      case 'resume':
        // The client comes back to another gateway than the one that it left.
        await client?.connect(this.#system.urls[(gateway + 1) % gatewayCount] ?? '');
        for (const id of this.#rooms) await client?.join(id, true);
        return;
      case 'enter':
        await client?.join(roomId, false);
        return;
      case 'page':
      case 'stream':
        await reader?.[kind](url, roomId);
        return;
      case 'poll':
        reader?.poll(url, roomId);
    }
  }

  async #publish(roomId: string, count: number, gateway: number): Promise<readonly string[]> {
    const events = lastingEvents(roomId, count);
    await acceptEvents(this.#system.urls[gateway] ?? '', events, { key: memberKey });
    return idsOf(events);
  }
}

/** Leaves out acts that must not run at the same time: two changes of the same room, and two acts of the same client. */
function distinct(step: readonly Act[]): readonly Act[] {
  const keys = new Set<string>();
  return step.filter(({ kind, room, gateway }) => {
    if (kind === 'publish' || kind === 'burst') return true;
    const isRead = kind === 'page' || kind === 'poll' || kind === 'stream';
    const key = kind === 'member' ? `member ${room}` : `${isRead ? 'reader' : 'client'} ${gateway}`;
    const isFirst = !keys.has(key);
    keys.add(key);
    return isFirst;
  });
}

describe.each([
  ['one Redis', false],
  ['a cluster with partitions', true],
])('on %s', (_, isCluster) => {
  const system = sharedSystem(() => startSystem(isCluster));

  test('nothing from behind a removal, of its own stream, ever reaches the user, and nothing else is missing', {
    timeout: 60_000 + runs * 20_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, (given) => new Trial(system()).run(given)),
      { numRuns: runs, endOnFailure: true },
    );
  });
});

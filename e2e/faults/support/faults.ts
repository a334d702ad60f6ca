// Faults of a running system, by name. Each fault ends by itself, and the system can recover afterwards.
import { setTimeout as pause } from 'node:timers/promises';
import { streamNames } from '../../fixtures/events/sample-events.js';
import type { FaultSystem, Seat } from './fault-system.js';

/** One kind of fault. */
export interface Fault {
  /** True if Redis keeps every entry that it confirmed. No client may then have to reload. */
  readonly isLossless: boolean;
  /** @param random returns numbers from 0 (inclusive) to 1 (exclusive) */
  run(system: FaultSystem, random: () => number): Promise<void>;
}

const anyOf = <T>(items: readonly T[], random: () => number): T => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
};

const anySeat = ({ seats }: FaultSystem, random: () => number): Seat => anyOf(seats, random);

/** The streams that the load of a trial uses. */
const busyStreams = streamNames.filter((stream) => stream !== 'events:remote');

function cutClients({ seats }: FaultSystem): void {
  for (const { clientWire } of seats) clientWire.cut();
}

/** All faults that need only one Redis and several gateways. */
export const faults = {
  'connections to Redis cut with replies outstanding': {
    isLossless: true,
    async run({ seats }) {
      for (let round = 0; round < 20; round += 1) {
        const wire = seats[round % seats.length]?.redisWire;
        await wire?.nextData('replies');
        wire?.cut();
        await pause(150);
      }
    },
  },
  'a wire to Redis that swallows replies': {
    isLossless: true,
    async run(system, random) {
      const { redisWire } = anySeat(system, random);
      redisWire.swallow('replies');
      await pause(8_000);
      redisWire.restore();
      redisWire.cut();
    },
  },
  'a slow wire to Redis': {
    isLossless: true,
    async run(system, random) {
      const { redisWire } = anySeat(system, random);
      redisWire.delay('replies', 100);
      await pause(4_000);
      redisWire.restore();
    },
  },
  'client sockets cut at random': {
    isLossless: true,
    async run({ clients }, random) {
      for (let round = 0; round < 100; round += 1) {
        for (let count = 0; count < 5; count += 1) anyOf(clients, random).cut();
        await pause(50);
      }
    },
  },
  'all client sockets cut at once': {
    isLossless: true,
    async run(system) {
      cutClients(system);
      await pause(2_000);
      cutClients(system);
    },
  },
  'Redis killed and started again': {
    isLossless: true,
    async run({ redis }) {
      await redis.written();
      await redis.stop();
      await pause(2_000);
      await redis.restart();
    },
  },
  'Redis stopped for five seconds': {
    isLossless: true,
    async run({ redis }) {
      redis.pause();
      await pause(5_000);
      redis.resume();
    },
  },
  'no memory left in Redis': {
    isLossless: true,
    async run({ redis }) {
      await redis.cli('config', 'set', 'maxmemory', '1');
      await pause(3_000);
      await redis.cli('config', 'set', 'maxmemory', '0');
    },
  },
  'Redis refuses writes for want of a replica': {
    isLossless: true,
    async run({ redis }) {
      await redis.cli('config', 'set', 'min-replicas-to-write', '1');
      await pause(3_000);
      await redis.cli('config', 'set', 'min-replicas-to-write', '0');
    },
  },
  'the consumer group destroyed': {
    isLossless: true,
    async run({ redis }) {
      for (let round = 0; round < 5; round += 1) {
        for (const stream of streamNames) await redis.cli('xgroup', 'destroy', stream, 'signalr-consumers');
        await pause(400);
      }
    },
  },
  'somebody else trims the streams': {
    // The entries are still in the gateways' memory.
    isLossless: true,
    async run({ redis }) {
      for (let round = 0; round < 30; round += 1) {
        for (const stream of streamNames) await redis.cli('xtrim', stream, 'MAXLEN', '~', '1000');
        await pause(100);
      }
    },
  },
  'a stream deleted while clients are away': {
    isLossless: false,
    async run(system, random) {
      cutClients(system);
      await system.redis.cli('del', anyOf(busyStreams, random));
    },
  },
  'all data flushed while clients are away': {
    isLossless: false,
    async run(system) {
      cutClients(system);
      await system.redis.cli('flushall');
    },
  },
  'a gateway killed and started again': {
    isLossless: true,
    async run(system, random) {
      const seat = anySeat(system, random);
      await seat.gateway.stop('SIGKILL');
      await pause(500);
      await seat.restart();
    },
  },
  'a gateway killed that stays away for five seconds': {
    isLossless: true,
    async run(system, random) {
      const seat = anySeat(system, random);
      await seat.gateway.stop('SIGKILL');
      await pause(5_000);
      await seat.restart();
    },
  },
  'a gateway stopped for ten seconds': {
    isLossless: true,
    async run(system, random) {
      const { gateway } = anySeat(system, random);
      // The sockets stay open, but clients notice a long silence. A gateway that continues earlier keeps its clients.
      gateway.child.kill('SIGSTOP');
      await pause(10_000);
      gateway.child.kill('SIGCONT');
    },
  },
  'all gateways replaced one after the other': {
    isLossless: true,
    async run({ seats }) {
      for (const seat of seats) {
        const exitCode = await seat.gateway.stop('SIGTERM');
        if (exitCode !== 0) throw new Error(`gateway ${seat.number} ended with ${exitCode}`);
        await seat.restart();
      }
    },
  },
} as const satisfies Readonly<Record<string, Fault>>;

/** Name of one of {@link faults}. */
export type FaultName = keyof typeof faults;

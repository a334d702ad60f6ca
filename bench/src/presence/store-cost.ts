// The cost of presence in Redis alone: memory per member, and processor time of a join, a change, a read and a sweep.
import { type Broker, createRedisBroker, type PresenceEdit, type PresenceLease } from '@millrace/broker';
import { createClient } from '@redis/client';
import { startRedis } from '../harness/processes.js';

const leaseMs = 600_000;
/** Number of edits in one step of the gateway. */
const editsAtOnce = 250;

/** The figures of one room size. */
export interface StoreCost {
  readonly bytesPerMember: number;
  /** Redis CPU for a member who joins with many others. */
  readonly usPerJoin: number;
  /** Redis CPU for a state that is written and announced on its own. */
  readonly usPerChange: number;
  /** Time to read all members of one room, over the connection. */
  readonly readMs: number;
  /** Redis CPU to remove one member of a dead gateway. */
  readonly usPerSwept: number;
}

function member(number: number, state = 'null', stateMs = 0): PresenceEdit {
  const id = `${String(number).padStart(8, '0')}-4f89-41d3-9a0c-0305e82c3301`;
  const about = JSON.stringify({ id, name: 'Maria García' });
  const key = `k${String(number).padStart(21, '0')}`;
  return {
    user: id,
    connection: { key, enteredMs: 1_795_920_492_190, isHeld: false, stateMs, state, about },
  };
}

/** Puts `members` users into rooms of `roomSize`, and measures each step. */
export async function measureStore(members: number, roomSize: number, changes: number): Promise<StoreCost> {
  const { part, url } = await startRedis();
  await using _redis = part;
  const broker = createRedisBroker({ url, streams: [{ name: 'events:bench', maxLength: 10 }] });
  await broker.open();
  const redis = createClient({ url });
  await redis.connect();
  const number = async (section: string, field: string): Promise<number> =>
    Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(await redis.info(section))?.[1] ?? Number.NaN);
  const cpuUs = async (): Promise<number> =>
    ((await number('cpu', 'used_cpu_user')) + (await number('cpu', 'used_cpu_sys'))) * 1e6;
  const timed = async (times: number, work: () => Promise<void>): Promise<number> => {
    const beforeUs = await cpuUs();
    await work();
    return ((await cpuUs()) - beforeUs) / times;
  };
  try {
    const lease = await beginLease(broker);
    const rooms = Array.from({ length: Math.ceil(members / roomSize) }, (_, n) => `ticket-${n}`);
    const bytesBefore = await number('memory', 'used_memory');
    const usPerJoin = await timed(members, () => join(broker, lease, rooms, { members, roomSize }));
    await redis.del('presence-changes');
    const bytesPerMember = ((await number('memory', 'used_memory')) - bytesBefore) / members;
    const usPerChange = await timed(changes, async () => {
      for (let n = 0; n < changes; n += 1) {
        const room = rooms[n % rooms.length] ?? '';
        const edit = member((n % rooms.length) * roomSize, JSON.stringify({ viewing: n }), n + 1);
        const change = await broker.presence.write(room, lease, [edit]);
        if (change !== undefined) await broker.presence.announce([change]);
      }
    });
    const startMs = performance.now();
    const reads = 20;
    for (let n = 0; n < reads; n += 1) await broker.presence.read(rooms[0] ?? '', members);
    const readMs = (performance.now() - startMs) / reads;
    const usPerSwept = await timed(members, async () => {
      for (const room of rooms)
        for (let cursor: string | undefined = ''; cursor !== undefined; )
          cursor = (await broker.presence.sweep(room, lease.holder, cursor)).cursor;
    });
    return { bytesPerMember, usPerJoin, usPerChange, readMs, usPerSwept };
  } finally {
    await redis.close();
    await broker.close();
  }
}

async function beginLease(broker: Broker): Promise<PresenceLease> {
  const { lease } = await broker.presence.renew({ leaseMs });
  if (lease === undefined) throw new Error('no lease');
  return lease;
}

/** Takes the steps of a gateway: index, rooms, announcements. */
async function join(
  { presence }: Broker,
  lease: PresenceLease,
  rooms: readonly string[],
  { members, roomSize }: { readonly members: number; readonly roomSize: number },
): Promise<void> {
  for (let at = 0; at < rooms.length; at += editsAtOnce)
    await presence.addToIndex(lease.holder, rooms.slice(at, at + editsAtOnce));
  for (const [index, room] of rooms.entries()) {
    const size = Math.min(roomSize, members - index * roomSize);
    for (let at = 0; at < size; at += editsAtOnce) {
      const edits = Array.from({ length: Math.min(editsAtOnce, size - at) }, (_, n) =>
        member(index * roomSize + at + n),
      );
      const change = await presence.write(room, lease, edits);
      if (change !== undefined) await presence.announce([change]);
    }
  }
}

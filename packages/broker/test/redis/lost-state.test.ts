// Parts of the state in Redis are deleted, or lost in a crash. The broker detects the loss and repairs the state.
import { type Broker, createSubscriber, type Lease, type StreamStart } from '@millrace/broker';
import { type Clock, systemClock } from '@millrace/internal';
import {
  append,
  beat as beatAs,
  CHAT,
  codeOf,
  present,
  registerAt,
  startRedis,
  until,
} from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker, publishEvents, query, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();

describe('a heartbeat', () => {
  it.each([
    ['FLUSHALL', ['flushall']],
    ['DEL of the stream', ['del', CHAT]],
    ['DEL of the epoch', ['del', `epoch:{${CHAT}}`]],
    ['a restart without persistence', undefined],
  ])(
    'a heartbeat after %s resets the subscriber to the beginning of the stream, in a new epoch',
    async (_, command) => {
      await using broker = await openBroker(redis.url);
      const { start } = await holder(broker);
      const ids = await publishEvents(broker, 3);
      await beat(broker, start, present(ids[2]), 3);
      if (command === undefined) await redis.restart();
      else await redis.cli(...command);
      await until(() => broker.state === 'ready');
      const reply = await beat(broker, start, present(ids[2]), 3);
      expect(reply).toMatchObject({ status: 'reset', cursor: '0-0' });
      expect(reply.epoch).not.toBe(start.epoch);
      const again = { ...start, epoch: reply.epoch };
      expect(await beat(broker, again, '0-0', 0)).toMatchObject({ status: 'alive', epoch: reply.epoch });
    },
  );

  it('a heartbeat resets the subscriber if the stream was deleted and rewritten since the previous heartbeat', async () => {
    await using broker = await openBroker(redis.url);
    const { start } = await holder(broker);
    const ids = await publishEvents(broker, 3);
    await beat(broker, start, present(ids[2]), 3);
    await redis.cli('del', CHAT);
    await publishEvents(broker, 1);
    // The newest ID is above the cursor, so only the count shows that entries are missing.
    expect(await beat(broker, start, present(ids[2]), 3)).toMatchObject({ status: 'reset' });
  });
});

describe('register', () => {
  it('a registration returns a new epoch if the stream was deleted while no gateway was running', async () => {
    await using broker = await openBroker(redis.url);
    const { start } = await holder(broker);
    const ids = await publishEvents(broker, 3);
    await beat(broker, start, present(ids[2]), 3);
    await broker.unregister('a');
    await redis.cli('del', CHAT);
    expect((await broker.register('b'))[0]?.epoch).not.toBe(start.epoch);
  });

  it('a registration returns a new epoch if the stream was rewritten while no gateway was running', async () => {
    await using broker = await openBroker(redis.url);
    const { start } = await holder(broker);
    const ids = await publishEvents(broker, 3);
    await beat(broker, start, present(ids[2]), 3);
    await broker.unregister('a');
    await redis.cli('del', CHAT);
    await publishEvents(broker, 2);
    expect((await broker.register('b'))[0]).toMatchObject({ entriesAdded: 2, cursor: '0-0' });
    expect((await broker.register('b'))[0]?.epoch).not.toBe(start.epoch);
  });

  it('a subscriber keeps its cursor after a restart without data loss, in an epoch that continues the previous one', async () => {
    await using durable = await startRedis({ isDurable: true });
    await using broker = await openBroker(durable.url);
    const { start } = await holder(broker);
    const ids = await publishEvents(broker, 3);
    await beat(broker, start, present(ids[2]), 3);
    await durable.restart();
    await until(() => broker.state === 'ready');
    const moved = await beat(broker, start, present(ids[2]), 3);
    expect(moved).toMatchObject({
      status: 'moved',
      cursor: ids[2],
      previousEpoch: { epoch: start.epoch, upTo: ids[2] },
    });
    expect(moved.epoch).not.toBe(start.epoch);
    const again = { ...start, epoch: moved.epoch };
    expect(await beat(broker, again, present(ids[2]), 3)).toMatchObject({
      status: 'alive',
      previousEpoch: moved.previousEpoch,
    });
  });
});

describe('a pass', () => {
  it('an acknowledgement pass after XGROUP DESTROY recreates the group at the smallest registered cursor', async () => {
    await using broker = await openBroker(redis.url);
    const { start, lease } = await holder(broker);
    await broker.register('b');
    const ids = await publishEvents(broker, 5);
    await beat(broker, start, present(ids[4]), 5);
    await broker.heartbeat('b', new Map([[CHAT, { ...start, cursor: present(ids[1]) }]]));
    await redis.cli('xgroup', 'destroy', CHAT, 'signalr-consumers');
    expect(await runPass(broker, lease)).toMatchObject({ consumed: 3, acknowledged: 0 });
    expect(await query(redis, 'xpending', CHAT, 'signalr-consumers')).toMatchObject([3, ids[2], ids[4], {}]);
  });

  it('an acknowledgement pass after XGROUP DESTROY recreates the group at the beginning if no cursor is registered', async () => {
    await using broker = await openBroker(redis.url);
    const { lease } = await holder(broker);
    await publishEvents(broker, 5);
    await broker.unregister('a');
    await redis.cli('xgroup', 'destroy', CHAT, 'signalr-consumers');
    expect(await runPass(broker, lease)).toMatchObject({ consumed: 5, acknowledged: 0 });
  });

  it('an acknowledgement pass after the loss of a stream creates the group at the beginning, and ignores old cursors', async () => {
    await using broker = await openBroker(redis.url);
    const { start, lease } = await holder(broker);
    const ids = await publishEvents(broker, 3);
    await beat(broker, start, present(ids[2]), 3);
    await redis.cli('del', CHAT);
    expect(await runPass(broker, lease)).toMatchObject({ consumed: 0, acknowledged: 0 });
    await broker.unregister('a');

    const next = present((await broker.register('b')).find(({ stream }) => stream === CHAT));
    expect(next).toMatchObject({ cursor: '0-0', lastId: '0-0' });
    expect(next.epoch).not.toBe(start.epoch);
    const [reply] = await broker.heartbeat('b', new Map([[CHAT, next]]));
    expect(reply).toMatchObject({ status: 'alive', epoch: next.epoch });
  });

  it('an acknowledgement pass acknowledges pending entries that another program has removed with XTRIM', async () => {
    await using broker = await openBroker(redis.url);
    const { lease } = await holder(broker);
    const ids = await publishEvents(broker, 5);
    await runPass(broker, lease);
    await redis.cli('xtrim', CHAT, 'MAXLEN', '1');
    const result = await broker.runLedgerPass(lease, { consumer: 'c', count: 10, cursor: present(ids[4]) });
    expect(result).toMatchObject({ consumed: 0, acknowledged: 5 });
  });

  it('invalid values in the hashes of cursors and slots are ignored, and invalid cursors are removed', async () => {
    await using broker = await openBroker(redis.url);
    const { lease } = await holder(broker);
    const ids = await publishEvents(broker, 2);
    await redis.cli('hset', `cursors:{${CHAT}}`, 'x', 'garbage', 'y', '5|5|5', 'z', '');
    await redis.cli(
      'hset',
      'slots:{signalr-consumers}',
      'one',
      'garbage',
      '2',
      'x',
      '3',
      '99999999999999|0||c',
    );
    const result = await broker.runLedgerPass(lease, { consumer: 'c', count: 10, cursor: present(ids[1]) });
    expect(result).toMatchObject({ consumed: 2, acknowledged: 2 });
    expect(await query(redis, 'hkeys', `cursors:{${CHAT}}`)).toEqual(['a']);
    expect(await broker.claimSlot('a')).toEqual({ slot: 1, heldSlots: [1, 3] });
  });
});

it('calls of the broker succeed after SCRIPT FLUSH', async () => {
  await using broker = await openBroker(redis.url);
  await publishEvents(broker, 1);
  await redis.cli('script', 'flush');
  const receipts = await Promise.all([
    publishEvents(broker, 40),
    broker.register('a').then((starts) => starts.map(({ stream }) => stream)),
  ]);
  expect(receipts[0].length).toBe(40);
  expect((await broker.inspect(CHAT)).length).toBe(41);
});

it('a stream whose key has the wrong type is refused, and the other streams continue to work', async () => {
  await using broker = await openBroker(redis.url);
  await redis.cli('set', CHAT, 'not a stream');
  await expect(append(broker, { stream: CHAT, fields: { n: '1' } })).rejects.toMatchObject({
    code: 'refused',
  });
  const starts = await broker.register('a');
  expect(starts.map(({ stream }) => stream)).not.toContain(CHAT);
  expect(starts.map(({ stream }) => stream)).toContain('events:ticket');
  await append(broker, { stream: 'events:ticket', fields: { n: '1' } });
  expect(await broker.inspect('events:ticket')).toMatchObject({ length: 1 });
});

it('sequence numbers beyond 2^53 are not rounded', async () => {
  await using broker = await openBroker(redis.url);
  const { lease } = await holder(broker);
  const sequences = ['18446744073709551610', '18446744073709551611', '18446744073709551615'];
  const ids = sequences.map((sequence) => `99999999999999-${sequence}`);
  for (const id of ids) await redis.cli('xadd', CHAT, id, 'a', 'b');
  const first = await broker.runLedgerPass(lease, { consumer: 'c', count: 10, cursor: present(ids[1]) });
  expect(first).toMatchObject({ consumed: 3, acknowledged: 2 });
  const read = await broker.readAfter(new Map([[CHAT, present(ids[1])]]), { count: 10, blockMs: 0 });
  expect(read.get(CHAT)?.map(({ id }) => id)).toEqual([ids[2]]);
  const second = await broker.runLedgerPass(lease, { consumer: 'c', count: 10, cursor: present(ids[2]) });
  expect(second).toMatchObject({ consumed: 0, acknowledged: 1 });
  // The sequence number is at its maximum. The next ID therefore has the next millisecond and the sequence number 0.
  const { id } = await append(broker, { stream: CHAT, fields: { n: '1' } });
  expect(id).toBe('100000000000000-0');
});

it('IDs are compared as numbers in the Lua scripts, not as text', async () => {
  await using broker = await openBroker(redis.url);
  const { start, lease } = await holder(broker);
  await broker.register('b');
  for (const id of ['9-9', '9-10', '10-0']) await redis.cli('xadd', CHAT, id, 'a', 'b');
  const progress = { ...start, entriesAdded: 3 };
  await broker.heartbeat('a', new Map([[CHAT, { ...progress, cursor: '10-0' }]]));
  await broker.heartbeat('b', new Map([[CHAT, { ...progress, cursor: '9-9' }]]));
  expect(await runPass(broker, lease)).toMatchObject({ consumed: 3, acknowledged: 1 });
  await broker.heartbeat('b', new Map([[CHAT, { ...progress, cursor: '9-10' }]]));
  expect(await runPass(broker, lease)).toMatchObject({ acknowledged: 1 });
});

it('a subscriber recovers after FLUSHALL, and publishing continues', async () => {
  await using broker = await openBroker(redis.url, { heartbeatMs: 20 });
  const seen: string[] = [];
  const resets: string[] = [];
  const subscriber = createSubscriber(broker, {
    name: 'a',
    onEntry: (_, entry) => seen.push(entry.fields['n'] ?? ''),
    onReset: (stream) => resets.push(stream),
  });
  await subscriber.start();
  await append(broker, { stream: CHAT, fields: { n: '1' } });
  await until(() => seen.length === 1);
  const before = subscriber.position();
  await redis.cli('flushall');
  await until(() => resets.length === 2 && subscriber.isCaughtUp);
  await append(broker, { stream: CHAT, fields: { n: '2' } });
  await until(() => seen.length === 2);
  expect(seen).toEqual(['1', '2']);
  expect(subscriber.position().slice(0, 8)).not.toBe(before.slice(0, 8));
  await until(
    async () => (await broker.inspect(CHAT)).pending === 0 && (await broker.inspect(CHAT)).unconsumed === 0,
  );
  await subscriber.stop();
});

async function holder(broker: Broker): Promise<{ readonly start: StreamStart; readonly lease: Lease }> {
  const start = present((await broker.register('a'))[0]);
  return { start, lease: present(await broker.acquireLease(CHAT, 'a')) };
}

async function beat(broker: Broker, start: StreamStart, cursor: string, entriesAdded: number) {
  const progress = { epoch: start.epoch, cursor, entriesAdded };
  return present((await broker.heartbeat('a', new Map([[CHAT, progress]])))[0]);
}

function runPass(broker: Broker, lease: Lease) {
  return broker.runLedgerPass(lease, { consumer: 'signalr-instance-1', count: 200 });
}

describe('the number of partitions', () => {
  const NUMBER = `partitions:{${CHAT}}`;
  const streams = (partitions: number) => [{ name: CHAT, maxLength: 100, partitions }];

  /** Opens the broker of a gateway that has run for a minute, and whose number of partitions is deleted now. */
  async function withoutNumber() {
    let passedMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
    const broker = await openBroker(redis.url, { streams: streams(3), clock });
    const start = await registerAt(broker, 'a');
    const heartbeat = () => beatAs(broker, 'a', start);
    expect(await redis.cli('getdel', NUMBER)).toBe('3');
    return { broker, heartbeat, passMinute: () => void (passedMs += 60_000) };
  }

  it('the number of partitions is stored again, so that a gateway without a number adopts it', async () => {
    const { broker, heartbeat, passMinute } = await withoutNumber();
    await using _ = broker;
    passMinute();
    await heartbeat();
    await until(async () => (await redis.cli('get', NUMBER)) === '3');
    await using other = await openBroker(redis.url, { streams: [{ name: CHAT, maxLength: 100 }] });
    expect(other.partitioning.countOf(CHAT)).toBe(3);
  });

  it('a gateway reports another number of partitions that a later process has stored, until that number is gone', async () => {
    const { broker, heartbeat, passMinute } = await withoutNumber();
    await using _ = broker;
    await using other = await openBroker(redis.url, { streams: streams(2) });
    await append(other, { stream: CHAT, fields: { n: '1' } });
    const codeOfHeartbeat = () => codeOf(heartbeat());
    passMinute();
    await until(async () => (await codeOfHeartbeat()) === 'partitions_differ');
    await redis.cli('del', NUMBER);
    passMinute();
    await until(async () => (await heartbeat().catch(() => undefined)) !== undefined);
    expect(await redis.cli('get', NUMBER)).toBe('3');
  });
});

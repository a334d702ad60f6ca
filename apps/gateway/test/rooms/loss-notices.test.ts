// Every client is notified of a loss once, at a random moment. No position hides the loss before this notice.
import { parsePosition } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LossNotices, UNRECOVERABLE_POSITION } from '../../src/rooms/loss-notices.js';
import { createLossyWorld, LossyClient } from '../support/lossy-world.js';

const before = { epoch: 'a', cursor: '1-0' };

describe('LossNotices', () => {
  function setUp() {
    const clock = fakeClock();
    const lossNotices = new LossNotices({ clock, random: Math.random });
    const toldAtMs = new Map<string, number[]>();
    const connect = (count: number): void => {
      for (let n = 0; n < count; n += 1) {
        const told: number[] = [];
        toldAtMs.set(`c${n}`, told);
        lossNotices.add(`c${n}`, {
          noteLoss: () => true,
          notify: () => void told.push(clock.monotonicMs()),
          tellPosition: () => {},
        });
      }
    };
    return { clock, lossNotices, toldAtMs, connect };
  }

  it('each of ten thousand clients is notified once of several losses, spread over many seconds', async () => {
    const { clock, lossNotices, toldAtMs, connect } = setUp();
    connect(10_000);
    for (const stream of ['chat', 'ticket', 'notification', 'remote']) {
      lossNotices.recordLoss(stream, before, 'reset', () => true);
      await clock.advance(200);
    }
    expect(lossNotices.isEmpty).toBe(false);
    await clock.advance(40_000);
    const times = [...toldAtMs.values()].map((told) => (expect(told).toHaveLength(1), told[0] ?? 0));
    const perSecond = new Map<number, number>();
    for (const ms of times) {
      const second = Math.floor(ms / 1_000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    expect(Math.max(...perSecond.values())).toBeLessThan(1_000);
    expect(Math.max(...times)).toBeLessThanOrEqual(31_000);
    expect(lossNotices.isEmpty).toBe(true);
    expect(clock.timerCount).toBe(0);
  });

  it('a loss that is recorded after `stop` starts no timer, and its clients are still sent no position that hides it', () => {
    const { clock, lossNotices, connect } = setUp();
    connect(1);
    lossNotices.stop();
    lossNotices.recordLoss('chat', before, 'reset', () => true);
    expect(clock.timerCount).toBe(0);
    expect(lossNotices.positionBefore('chat')).toEqual(before);
  });

  it('a few clients are notified within a few seconds, but not all at the same moment', async () => {
    const { clock, lossNotices, toldAtMs, connect } = setUp();
    connect(30);
    lossNotices.recordLoss('chat', before, 'gap', () => true);
    await clock.advance(4_050);
    const times = [...toldAtMs.values()].flat();
    expect(times).toHaveLength(30);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_000);
  });

  it('the position before the first loss is kept until every client is notified', async () => {
    const { clock, lossNotices, toldAtMs, connect } = setUp();
    connect(1);
    lossNotices.recordLoss('chat', before, 'gap', () => true);
    lossNotices.recordLoss('chat', UNRECOVERABLE_POSITION, 'gap', () => true);
    expect(lossNotices.positionBefore('chat')).toEqual(before);
    await clock.advance(5_000);
    expect(lossNotices.positionBefore('chat')).toBeUndefined();
    lossNotices.recordLoss('chat', UNRECOVERABLE_POSITION, 'reset', () => true);
    await clock.advance(5_000);
    expect(toldAtMs.get('c0')).toHaveLength(2);
  });

  it('no notice and no timer are left for a connection that has ended', () => {
    const { clock, lossNotices, connect } = setUp();
    connect(2);
    lossNotices.recordLoss('chat', before, 'gap', () => true);
    lossNotices.remove('c0');
    lossNotices.remove('c1');
    expect(lossNotices.isEmpty).toBe(true);
    expect(clock.timerCount).toBe(0);
  });
});

it('a client is told of a loss during a join before it enters the room, whose events have positions that hide the loss', async () => {
  const world = createLossyWorld();
  const received: string[] = [];
  const connection = world.connect((target, argument) => {
    received.push(`${target} ${(argument as { readonly room_id?: string }).room_id ?? ''}`);
  });
  await connection.join('a', undefined);
  const { position } = await connection.join('b', undefined);
  const joining = connection.join('b', parsePosition(position));
  world.loseEntry();
  expect(await joining).toMatchObject({ recovered: false });
  world.publish('b:1', 'b');
  expect(received).toEqual(['resync a', 'chat_message ']);
});

const roomIds = ['a', 'b'];

/** Two clients in two rooms. Checks that they miss nothing without being told. */
async function openRun() {
  const world = createLossyWorld();
  /** Number of the events that were published or lost. */
  let [now, lastLossAt] = [0, 0];
  const clients: { readonly client: LossyClient; readonly reloads: { roomId: string; at: number }[] }[] = [];
  for (let index = 0; index < 2; index += 1) {
    const reloads: { roomId: string; at: number }[] = [];
    clients.push({
      client: new LossyClient(world, roomIds, (roomId) => void reloads.push({ roomId, at: now })),
      reloads,
    });
  }
  for (const { client } of clients) await client.connect();
  /** The events of both rooms, with those that were lost. */
  const events: { readonly content: string; readonly roomId: string; readonly at: number }[] = [];
  const told = { known: 0, unnoticed: 0, found: 0, idleJoins: 0 };
  let hasUnnoticed = false;
  /** True after a loss was found, until a stream moves. */
  let isIdle = false;
  const note = (roomId: string): string => {
    now += 1;
    const content = `${roomId}:${now}`;
    events.push({ content, roomId, at: now });
    return content;
  };
  const noteLost = (): void => {
    for (const roomId of roomIds) note(roomId);
    lastLossAt = now;
  };
  const run = async (step: string): Promise<void> => {
    const [verb, what = ''] = step.split(' ');
    const client = clients[Number(what)]?.client;
    if (isIdle && (verb === 'reconnect' || verb === 'join')) told.idleJoins += 1;
    if (/^(?:publish|lose|miss)$/.test(verb ?? '')) isIdle = false;
    if (verb === 'publish') world.publish(note(what), what);
    else if (verb === 'lose') {
      noteLost();
      told.known += 1;
      world.loseEntry();
    } else if (verb === 'miss') {
      noteLost();
      told.unnoticed += 1;
      hasUnnoticed = true;
      world.loseEntryUnnoticed();
    } else if (verb === 'find') {
      if (!hasUnnoticed) return;
      hasUnnoticed = false;
      told.found += 1;
      isIdle = what === 'idle';
      if (isIdle) world.findLossesOfIdleStreams();
      else world.findLosses(what === 'heartbeat' ? what : 'entry');
    } else if (verb === 'reconnect') await client?.connect();
    else if (verb === 'disconnect') client?.disconnect();
    else if (client !== undefined && !client.isConnected) return;
    else if (verb === 'join') await client?.join('b');
    else if (verb === 'leave') client?.leave('b');
    else if (verb === 'stall') client?.stall();
    else if (verb === 'sip') await client?.read(true);
    else if (verb === 'read') await client?.read(false);
    else await world.clock.advance(Number(what));
  };
  return {
    run,
    /** Lets the gateway find all losses, and the clients receive everything. */
    async end(): Promise<void> {
      await run('find heartbeat');
      for (const [index, { client }] of clients.entries()) {
        for (let round = 0; round < 6; round += 1) await run(`read ${index}`);
        if (!client.isConnected) await client.connect();
        await client.join('b');
      }
      for (const step of ['wait 40000', 'publish a', 'publish b', 'reconnect 0', 'reconnect 1'])
        await run(step);
    },
    /** @param isExact true if each client must have been told of the last loss exactly once */
    check(isExact: boolean): void {
      expect(world.closedCount()).toBe(0);
      for (const { client, reloads } of clients) {
        for (const { content, roomId, at } of events) {
          const isReloaded = reloads.some((reload) => reload.roomId === roomId && reload.at >= at);
          expect([content, client.handled.has(content) || isReloaded]).toEqual([content, true]);
        }
        for (const roomId of roomIds) {
          const ofRoom = reloads.filter((reload) => reload.roomId === roomId);
          const count = ofRoom.length;
          if (isExact && lastLossAt > 0) expect(ofRoom.filter(({ at }) => at >= lastLossAt)).toHaveLength(1);
          // The first join has no position. A client may learn of an unnoticed loss by coming back, and be told once more when it is
          // found. A client that has not read the notice yet may join a room once more with a position from before the loss. While no
          // stream moves after a loss was found, each join is told.
          const { known, unnoticed, found, idleJoins } = told;
          expect(count - 1).toBeLessThanOrEqual(known + unnoticed + found + idleJoins + client.outdatedJoins);
        }
      }
    },
  };
}

const usualSteps = [
  { weight: 4, arbitrary: fc.constantFrom('publish a', 'publish b') },
  { weight: 3, arbitrary: fc.constantFrom('reconnect 0', 'reconnect 1', 'join 0', 'join 1') },
  { weight: 2, arbitrary: fc.constantFrom('wait 300', 'wait 2000', 'wait 40000') },
];

it('every client learns of every loss exactly once, in any order of reconnects, joins and notices', async () => {
  const step = fc.oneof({ weight: 1, arbitrary: fc.constant('lose') }, ...usualSteps);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { run, end, check } = await openRun();
      for (const each of steps) await run(each);
      await end();
      check(true);
    }),
    { numRuns: 100 },
  );
});

/** One of the clients. */
const anyClient = fc.constantFrom('0', '1');
const finding = fc.constantFrom('find heartbeat', 'find entry', 'find idle');
const publishing = fc.constantFrom('publish a', 'publish b');
/** More events than a client may have unread. */
const burst = fc.array(publishing, { minLength: 4, maxLength: 8 });

const reading = fc.array(fc.constantFrom('sip', 'read'), { maxLength: 6 });

/** Steps that lead to the states in which a loss may hide. Random single steps rarely do. */
const dangers = fc.oneof(
  // A client is away while a loss is found whose later events it has received.
  fc
    .tuple(anyClient, publishing, finding, fc.boolean())
    .map(([client, publish, find, hasMoved]) => [
      'miss',
      publish,
      `disconnect ${client}`,
      find,
      ...(hasMoved ? [publish] : []),
      `reconnect ${client}`,
    ]),
  // The answer to a join has a position that a client applies to its other rooms, too, before it is told of a loss in them.
  fc
    .tuple(anyClient, publishing, fc.boolean())
    .map(([client, publish, isPublished]) => [
      'lose',
      `join ${client}`,
      ...(isPublished ? [publish] : []),
      `reconnect ${client}`,
    ]),
  // A client that has not read the position from before a loss comes back.
  fc
    .tuple(anyClient, publishing, finding)
    .map(([client, publish, find]) => ['miss', publish, `stall ${client}`, find, `reconnect ${client}`]),
  // A client becomes too slow while it waits for a notice, or a loss is found while it is too slow. It reads some or all events.
  fc
    .tuple(
      anyClient,
      burst,
      fc.constantFrom('lose', 'miss'),
      finding,
      fc.boolean(),
      reading,
      publishing,
      fc.boolean(),
    )
    .map(([client, events, loss, find, isFirst, reads, publish, comesBack]) => [
      ...(isFirst ? [loss, find] : []),
      `stall ${client}`,
      ...events,
      ...(isFirst ? [] : [loss, find]),
      ...reads.map((read) => `${read} ${client}`),
      publish,
      ...(comesBack ? [`reconnect ${client}`] : []),
    ]),
  // A client that was told, and one that was not, come back after a second loss.
  fc
    .tuple(
      anyClient,
      publishing,
      fc.constantFrom('lose', 'miss'),
      finding,
      fc.constantFrom('wait 300', 'wait 2000'),
    )
    .map(([client, publish, loss, find, wait]) => [
      'lose',
      wait,
      loss,
      publish,
      find,
      wait,
      publish,
      `reconnect ${client}`,
    ]),
);

it('no client has a hole of which it was not told, whenever a loss is found and however slowly it reads, joins and leaves', async () => {
  const step = fc.oneof(
    ...usualSteps,
    { weight: 1, arbitrary: fc.constantFrom('lose', 'miss') },
    { weight: 2, arbitrary: fc.oneof(fc.constant('miss'), finding) },
    { weight: 3, arbitrary: fc.constantFrom('stall 0', 'stall 1', 'leave 0', 'leave 1', 'disconnect 0') },
    { weight: 4, arbitrary: fc.constantFrom('sip 0', 'sip 1', 'read 0', 'read 1') },
  );
  const steps = fc.oneof(
    { weight: 5, arbitrary: step.map((each) => [each]) },
    { weight: 2, arbitrary: dangers },
    { weight: 1, arbitrary: burst },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 30 }), async (list) => {
      const { run, end, check } = await openRun();
      for (const each of list.flat()) await run(each);
      await end();
      check(false);
    }),
    { numRuns: Number(process.env['LOSS_RUNS'] ?? 200) },
  );
});

// Gateways of this build and of a later build share one Redis. The later build may append fields to values. This build
// ignores them, but keeps them.
import { type Broker, type Lease, type StreamStart, WINDOW_LIMITS } from '@millrace/broker';
import { append, CHAT, present } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBroker, publishEvents, query, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();

/** Options with which nothing expires during a test, even on a busy machine. */
const options = {
  livenessMs: 600_000,
  leaseMs: 600_000,
  minAgeMs: 0,
  streams: [{ name: CHAT, maxLength: 20 }],
};
const SLOTS = 'slots:{signalr-consumers}';
const WINDOW = 'coalesce:room:typing';
const lasting = (windowMs: number) => ({ windowMs, stream: CHAT });

/** Text that a later build may append to a value: `|`, and any text. */
const tail = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .map((text) => `|${text.replaceAll('\u0000', '')}`);
/** Text that a later build may append to a number if other words follow in the same value. */
const word = fc.stringMatching(/^,[a-z0-9|:,]{0,12}$/);

describe('values of a later build', () => {
  it('scripts of this build keep a later build’s values, and respect its cursor', async () => {
    const step = fc.constantFrom('register', 'beat', 'pass', 'trim', 'claim', 'free', 'renew', 'give back');
    const steps = fc.array(step, { minLength: 4, maxLength: 12 });
    const property = fc.asyncProperty(tail, steps, async (more, chosen) => {
      await redis.cli('flushall');
      await using broker = await openBroker(redis.url, options);
      const start = present((await broker.register('a'))[0]);
      let lease = present(await broker.acquireLease(CHAT, 'a'));
      await broker.runLedgerPass(lease, { consumer: 'c', count: 200 });
      const ids = await publishEvents(broker, 250);
      await broker.runLedgerPass(lease, { consumer: 'c', count: 200 });
      const behind = present(ids[100]);
      const now = Math.round(start.timeMs);
      const planted: readonly (readonly [string, string, string])[] = [
        [`cursors:{${CHAT}}`, 'later', `${behind}|${now}|${now}${more}`],
        [SLOTS, '7', `${now + 600_000}|3|one|later${more}`],
        [SLOTS, 'later', more],
        [`lease:{${CHAT}}`, 'later', more],
        [`epoch:{${CHAT}}`, 'later', more],
      ];
      for (const [key, field, value] of planted) await redis.cli('hset', key, field, value);
      for (const name of ['pass', ...chosen, 'pass', 'trim'])
        lease = await take(broker, name, { start, lease, cursor: present(ids[249]) });
      for (const [key, field, value] of planted)
        expect(await query(redis, 'hget', key, field), `${field} of ${key}`).toBe(value);
      // Exactly the entries up to the later build's cursor are acknowledged, and the entry at it is still there.
      const pending = (await query(redis, 'xpending', CHAT, 'signalr-consumers')) as unknown[];
      expect(pending[1]).toBe(ids[101]);
      expect(await query(redis, 'xrange', CHAT, behind, behind)).toHaveLength(1);
    });
    await fc.assert(property, { numRuns: 10 });
  }, 60_000);

  it('scripts of this build keep the fields that a later build has added to a window', async () => {
    const step = fc.constantFrom('add', 'end', 'claim', 'renew', 'commit');
    const property = fc.asyncProperty(tail, fc.array(step, { maxLength: 12 }), async (more, chosen) => {
      await redis.cli('flushall');
      await using broker = await openBroker(redis.url, options);
      // The first two names begin like the fields of inputs and of endings. The others are unknown to this
      // build.
      const planted = ['id', 'extra', 'later', 'x'];
      await redis.cli('hset', WINDOW, ...planted.flatMap((field) => [field, more]));
      for (const name of ['add', ...chosen, 'claim', 'commit']) await takeWindow(broker, name);
      expect(await query(redis, 'hmget', WINDOW, ...planted)).toEqual(planted.map(() => more));
      expect(Number(await redis.cli('pttl', WINDOW))).toBeGreaterThan(0);
    });
    await fc.assert(property, { numRuns: 10 });
  }, 60_000);

  it('this build reads inputs, endings and times of a later build’s window, and ignores other fields', async () => {
    const property = fc.asyncProperty(word, async (more) => {
      await redis.cli('flushall');
      await using broker = await openBroker(redis.url, options);
      const due = Date.now() + 600_000;
      const fields = ['d', `${due}${more}`, 'n', `2${more}`, 'b', `8${more}`, 'm', `1${more}`];
      const asOf = '170000000000000000000000000000003';
      const inputs = ['iq', `2.${asOf}${more} {"b":1}`, 'ip', `1${more} {"a":1}`];
      const ending = ['ek', `5${more} ${due}${more} {"key":"k","id":"1-0","more":1,"at":"2-0"}`];
      await redis.cli('hset', WINDOW, ...fields, ...inputs, ...ending);
      const name = { roomId: 'room', slot: 'typing' };
      const { isOpened } = await broker.windows.add(name, [{ id: 'r', text: '{"c":1}' }], lasting(100));
      expect(isOpened).toBe(false);
      const claim = await broker.windows.claim(name, { token: 't', leaseMs: 600_000, isForced: true });
      expect(claim).toMatchObject({
        status: 'claimed',
        inputs: [
          { text: '{"a":1}' },
          { text: '{"b":1}', asOf: '1700000000000-3' },
          { text: '{"c":1}', asOf: expect.stringMatching(/^\d+-0$/) },
        ],
        endings: [{ key: 'k', id: '1-0', at: '2-0' }],
      });
    });
    await fc.assert(property, { numRuns: 10 });
  }, 60_000);

  it('this build reads the lease, slot and epoch of a later build, and ignores other fields', async () => {
    await using broker = await openBroker(redis.url, options);
    const start = present((await broker.register('a'))[0]);
    const lease = present(await broker.acquireLease(CHAT, 'a'));
    await broker.claimSlot('a', { instance: 'one' });
    const now = Math.round(start.timeMs);
    await redis.cli('hset', SLOTS, '1', `${now + 600_000}|3|one|a|later`);
    await redis.cli('hset', `lease:{${CHAT}}`, 'expiresMs', `${now + 600_000}|later`, 'pulseMs', `${now}|x`);
    for (const field of ['lastId', 'entriesAdded', 'upTo']) {
      const value = await redis.cli('hget', `epoch:{${CHAT}}`, field);
      await redis.cli('hset', `epoch:{${CHAT}}`, field, `${value}|later`);
    }
    expect(await broker.claimSlot('a', { isRenewal: true })).toEqual({ slot: 1, heldSlots: [1] });
    expect(await broker.acquireLease(CHAT, 'b')).toBeUndefined();
    expect((await broker.register('b'))[0]).toMatchObject({ epoch: start.epoch });
    const [id] = await publishEvents(broker, 1);
    const pass = { consumer: 'c', count: 10, cursor: present(id) };
    expect(await broker.runLedgerPass(lease, pass)).toMatchObject({ status: 'done', consumed: 1 });
    expect(await broker.acquireLease(CHAT, 'a')).toEqual(lease);
  });
});

it('a gateway of a later build holds back acknowledgements only while it is alive', async () => {
  await using broker = await openBroker(redis.url, { streams: [{ name: CHAT, maxLength: 1 }] });
  const start = present((await broker.register('a'))[0]);
  const lease = present(await broker.acquireLease(CHAT, 'a'));
  const now = Math.round(start.timeMs);
  const cursors = `cursors:{${CHAT}}`;
  await redis.cli('hset', cursors, 'alive', `0-1|${now + 3_600_000}|${now + 3_600_000}|later`);
  await redis.cli('hset', `lease:{${CHAT}}`, 'pulseMs', String(now + 1_000), 'graceUntilMs', '0');
  await redis.cli('hset', cursors, 'dead', `0-1|${now - 3_600_000}|${now - 3_600_000}|later`);
  const [id] = await publishEvents(broker, 1);
  const pass = { consumer: 'c', count: 10, cursor: present(id) };
  expect(await broker.runLedgerPass(lease, pass)).toMatchObject({ acknowledged: 0, declaredDead: ['dead'] });
  await redis.cli('hset', cursors, 'alive', `${present(id)}|${now + 3_600_000}|${now + 3_600_000}|later`);
  expect(await broker.runLedgerPass(lease, pass)).toMatchObject({ acknowledged: 1 });
});

interface LedgerState {
  readonly start: StreamStart;
  readonly lease: Lease;
  readonly cursor: string;
}

/** Runs the step `name` on the ledger. Resolves with the lease that the owner then has. */
async function take(broker: Broker, name: string, { start, lease, cursor }: LedgerState): Promise<Lease> {
  switch (name) {
    case 'register':
      await broker.register('b');
      // This step tests only the registration. Subscriber `b` starts at the newest entry, so it holds back no
      // acknowledgement.
      await broker.unregister('b');
      return lease;
    case 'beat':
      await broker.heartbeat('a', new Map([[CHAT, { epoch: start.epoch, cursor, entriesAdded: 250 }]]));
      return lease;
    case 'pass':
      await broker.runLedgerPass(lease, { consumer: 'c', count: 200, cursor });
      return lease;
    case 'trim':
      await broker.trim(lease);
      return lease;
    case 'claim':
      await broker.claimSlot('a', { instance: 'two' });
      return lease;
    case 'free':
      await broker.releaseSlot('a');
      return lease;
    case 'renew':
      return present(await broker.acquireLease(CHAT, 'a'));
    default:
      await broker.releaseLease(lease);
      return present(await broker.acquireLease(CHAT, 'a'));
  }
}

/** Runs one step on the window. */
async function takeWindow(broker: Broker, step: string): Promise<void> {
  const { windows } = broker;
  const name = { roomId: 'room', slot: 'typing' };
  switch (step) {
    case 'add':
      await windows.add(name, [{ id: 'a', text: '{}' }], lasting(WINDOW_LIMITS.keptMs));
      return;
    case 'end':
      await append(broker, {
        stream: CHAT,
        fields: { a: 'b' },
        ends: { window: name, key: 'k', timestamp: '' },
      });
      return;
    case 'claim':
      await windows.claim(name, { token: 't', leaseMs: 600_000, isForced: true });
      return;
    case 'renew':
      await windows.renew(name, 't', 600_000);
      return;
    default:
      await windows.commit(name, 't');
  }
}

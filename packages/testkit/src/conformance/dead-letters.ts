// Conformance: rejected entries are kept, listed, requeued and dropped.
import { type Broker, type DeadLetter, type EntryId, previousEntryId } from '@millrace/broker';
import { describe, expect, it } from 'vitest';
import {
  append,
  CHAT,
  type CreateHarness,
  codeOf,
  present,
  publishNumbered,
  readAll,
  TICKET,
} from './harness.js';

/** Declares one part of `describeBrokerConformance`. */
export function describeDeadLetters(create: CreateHarness): void {
  describe('dead letters', () => {
    describeKeeping(create);
    describeRemembering(create);
    describeListing(create);
    describeRequeueing(create);
    describeDropping(create);
  });
}

function describeKeeping(create: CreateHarness): void {
  it('an entry becomes one dead letter, even if several subscribers reject it', async () => {
    await using harness = await create();
    const { broker } = harness;
    await append(broker, { stream: CHAT, fields: { n: '1', text: 'ä\n"' } });
    const [entry] = await readAll(broker);
    const rejected = { stream: CHAT, entry: present(entry), reason: 'unknown type' };
    expect(await broker.deadLetter({ ...rejected, rejectedBy: 'a' })).toBe(true);
    expect(await broker.deadLetter({ ...rejected, rejectedBy: 'b' })).toBe(false);
    const [kept] = await broker.listDeadLetters(CHAT, { count: 10 });
    expect(kept).toEqual({
      id: expect.any(String),
      originId: entry?.id,
      reason: 'unknown type',
      rejectedBy: 'a',
      fields: { n: '1', text: 'ä\n"' },
      isRequeueable: true,
    });
    expect(await broker.readDeadLetter(CHAT, present(kept).id)).toEqual(kept);
    expect(await broker.inspect(CHAT)).toMatchObject({ deadLetters: 1, length: 1 });
    expect(await broker.listDeadLetters(TICKET, { count: 10 })).toEqual([]);
    expect(await broker.readDeadLetter(TICKET, present(kept).id)).toBeUndefined();
  });

  it('the number of dead letters is limited', async () => {
    await using harness = await create({ deadLetterMaxLength: 50 });
    const { broker } = harness;
    await rejectNumbered(broker, 300);
    const newest = await broker.listDeadLetters(CHAT, { count: 3, direction: 'backward' });
    expect(numbers(newest)).toEqual(['299', '298', '297']);
    const { deadLetters } = await broker.inspect(CHAT);
    expect(deadLetters).toBeGreaterThanOrEqual(50);
    expect(deadLetters).toBeLessThan(150);
  });

  it('a dedupe ID stays known after its entry was rejected', async () => {
    await using harness = await create();
    const { broker } = harness;
    await append(broker, { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' });
    const [entry] = await readAll(broker);
    await broker.deadLetter({ stream: CHAT, entry: present(entry), reason: 'r', rejectedBy: 'a' });
    const repeat = await append(broker, { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' });
    expect(repeat.isDuplicate).toBe(true);
  });
}

function describeRemembering(create: CreateHarness): void {
  it('the IDs of rejected entries are remembered after their dead letters were requeued or dropped', async () => {
    await using harness = await create();
    const { broker } = harness;
    const [first = '', second = '', third = ''] = await publishNumbered(broker, 3);
    for (const entry of (await readAll(broker)).slice(0, 2))
      await broker.deadLetter({ stream: CHAT, entry, reason: 'r', rejectedBy: 'a' });
    const [one, two] = await broker.listDeadLetters(CHAT, { count: 2 });
    const { status } = await broker.requeueDeadLetter(CHAT, present(one).id);
    await broker.dropDeadLetters(CHAT, [present(two).id]);
    expect(status).toBe('requeued');
    expect(await broker.findRejected(CHAT, [third, second, first])).toEqual(new Set([second, first]));
    expect(await broker.findRejected(TICKET, [first])).toEqual(new Set());
  });

  it('the IDs of rejected entries are forgotten after `deadMarkMs`', async () => {
    await using harness = await create({ deadMarkMs: 10 });
    const { broker } = harness;
    await rejectNumbered(broker, 1);
    const [entry] = await readAll(broker);
    await harness.passTime(11);
    expect(await broker.findRejected(CHAT, [present(entry).id])).toEqual(new Set());
  });
}

function describeListing(create: CreateHarness): void {
  it('dead letters are listed page by page, from either end', async () => {
    await using harness = await create();
    const { broker } = harness;
    await rejectNumbered(broker, 5);
    const first = await broker.listDeadLetters(CHAT, { count: 2 });
    const second = await broker.listDeadLetters(CHAT, { count: 2, after: lastId(first) });
    const third = await broker.listDeadLetters(CHAT, { count: 2, after: lastId(second) });
    expect([first, second, third].map(numbers)).toEqual([['0', '1'], ['2', '3'], ['4']]);
    const newest = await broker.listDeadLetters(CHAT, { count: 2, direction: 'backward' });
    const upTo = previousEntryId(lastId(newest));
    const older = await broker.listDeadLetters(CHAT, { count: 9, upTo, direction: 'backward' });
    expect([newest, older].map(numbers)).toEqual([
      ['4', '3'],
      ['2', '1', '0'],
    ]);
  });

  it('a call about dead letters is refused for an unknown stream, an incomplete ID, or a wrong count', async () => {
    await using harness = await create();
    const { broker } = harness;
    for (const call of [
      broker.listDeadLetters('events:other', { count: 1 }),
      broker.listDeadLetters(CHAT, { count: 0 }),
      broker.listDeadLetters(CHAT, { count: 1_001 }),
      broker.listDeadLetters(CHAT, { count: 1, after: '-' }),
      broker.listDeadLetters(CHAT, { count: 1, upTo: '1' }),
      broker.findRejected('events:other', ['1-1']),
      broker.findRejected(CHAT, []),
      broker.findRejected(CHAT, ['1']),
      broker.readDeadLetter('events:other', '1-1'),
      broker.readDeadLetter(CHAT, '+'),
      broker.requeueDeadLetter('events:other', '1-1'),
      broker.requeueDeadLetter(CHAT, '*'),
      broker.dropDeadLetters('events:other', ['1-1']),
      broker.dropDeadLetters(CHAT, []),
      broker.dropDeadLetters(CHAT, ['1-1', '1']),
    ]) {
      expect(await codeOf(call)).toBe('invalid_argument');
    }
  });
}

function describeRequeueing(create: CreateHarness): void {
  it('requeued entries are appended to their stream unchanged, and are read there', async () => {
    await using harness = await create();
    const { broker } = harness;
    const fields = { z: '1', a: '', text: 'ä \u0000 \u{1F600} "\\', ['__proto__']: 'own' };
    await append(broker, { stream: CHAT, fields });
    const deadLetter = await rejectNewest(broker);
    await append(broker, { stream: CHAT, fields: { n: 'later' } });
    const end = (await broker.inspect(CHAT)).lastId;
    const news = broker.readAfter(new Map([[CHAT, end]]), { count: 10, blockMs: 60_000 });
    const result = await broker.requeueDeadLetter(CHAT, deadLetter.id);
    expect(result).toEqual({ status: 'requeued', id: expect.any(String) });
    const [entry, ...others] = present((await news).get(CHAT));
    expect({ status: 'requeued', id: entry?.id }).toEqual(result);
    expect(Object.entries(present(entry).fields)).toEqual(Object.entries(fields));
    expect(others).toEqual([]);
    expect(await broker.inspect(CHAT)).toMatchObject({ deadLetters: 0, length: 3 });
  });

  it('a dead letter is requeued once, even if the call is repeated', async () => {
    await using harness = await create();
    const { broker } = harness;
    await rejectNumbered(broker, 2);
    const [one, other] = await broker.listDeadLetters(CHAT, { count: 2 });
    const { id } = present(one);
    const results = await Promise.all(Array.from({ length: 10 }, () => broker.requeueDeadLetter(CHAT, id)));
    expect(results.map(({ status }) => status).sort()).toEqual([
      ...Array.from({ length: 9 }, () => 'not_found'),
      'requeued',
    ]);
    expect(await broker.requeueDeadLetter(CHAT, id)).toEqual({ status: 'not_found' });
    expect(await broker.inspect(CHAT)).toMatchObject({ deadLetters: 1, length: 3 });
    expect(await broker.listDeadLetters(CHAT, { count: 2 })).toEqual([other]);
  });

  it('a dead letter is requeued while its entry’s dedupe ID is known, and can be rejected again', async () => {
    await using harness = await create();
    const { broker } = harness;
    await append(broker, { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' });
    const deadLetter = await rejectNewest(broker);
    expect(await broker.requeueDeadLetter(CHAT, deadLetter.id)).toMatchObject({ status: 'requeued' });
    const again = await rejectNewest(broker);
    expect(again.originId).not.toBe(deadLetter.originId);
    expect(again.fields).toEqual(deadLetter.fields);
  });

  it('dead letters that cannot be appended to their stream are not requeued', async () => {
    await using harness = await create();
    const { broker } = harness;
    const tooMany = Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`f${n}`, 'x']));
    for (const fields of [{}, tooMany]) {
      const entry = { id: `${1 + Object.keys(fields).length}-1`, fields };
      await broker.deadLetter({ stream: CHAT, entry, reason: 'r', rejectedBy: 'a' });
    }
    const deadLetters = await broker.listDeadLetters(CHAT, { count: 2 });
    expect(deadLetters.map(({ isRequeueable }) => isRequeueable)).toEqual([false, false]);
    for (const { id } of deadLetters)
      expect(await broker.requeueDeadLetter(CHAT, id)).toEqual({ status: 'not_requeueable' });
    expect(await broker.inspect(CHAT)).toMatchObject({ deadLetters: 2, length: 0 });
  });
}

function describeDropping(create: CreateHarness): void {
  it('dead letters are dropped by ID, and the others stay', async () => {
    await using harness = await create();
    const { broker } = harness;
    await rejectNumbered(broker, 4);
    const [first, second, , last] = (await broker.listDeadLetters(CHAT, { count: 4 })).map(({ id }) => id);
    expect(await broker.dropDeadLetters(TICKET, [present(first)])).toBe(0);
    const wanted = [present(last), present(first), '1-1', present(first)];
    expect(await broker.dropDeadLetters(CHAT, wanted)).toBe(2);
    expect(numbers(await broker.listDeadLetters(CHAT, { count: 4 }))).toEqual(['1', '2']);
    expect(await broker.readDeadLetter(CHAT, present(first))).toBeUndefined();
    expect(await broker.requeueDeadLetter(CHAT, present(first))).toEqual({ status: 'not_found' });
    expect(await broker.requeueDeadLetter(CHAT, present(second))).toMatchObject({ status: 'requeued' });
    expect(await broker.inspect(CHAT)).toMatchObject({ deadLetters: 1, length: 5 });
  });

  it('a dropped dead letter does not come back when its entry is read again', async () => {
    await using harness = await create();
    const { broker } = harness;
    await rejectNumbered(broker, 1);
    const [deadLetter] = await broker.listDeadLetters(CHAT, { count: 1 });
    await broker.dropDeadLetters(CHAT, [present(deadLetter).id]);
    const [entry] = await readAll(broker);
    const repeat = { stream: CHAT, entry: present(entry), reason: 'r', rejectedBy: 'b' };
    expect(await broker.deadLetter(repeat)).toBe(false);
    expect(await broker.listDeadLetters(CHAT, { count: 1 })).toEqual([]);
  });
}

async function rejectNumbered(broker: Broker, count: number): Promise<void> {
  await publishNumbered(broker, count);
  for (const entry of await readAll(broker))
    await broker.deadLetter({ stream: CHAT, entry, reason: 'r', rejectedBy: 'a' });
}

async function rejectNewest(broker: Broker): Promise<DeadLetter> {
  const [entry] = await broker.readRange(CHAT, { count: 1, direction: 'backward' });
  await broker.deadLetter({ stream: CHAT, entry: present(entry), reason: 'r', rejectedBy: 'a' });
  const [deadLetter] = await broker.listDeadLetters(CHAT, { count: 1, direction: 'backward' });
  return present(deadLetter);
}

function numbers(deadLetters: readonly DeadLetter[]): (string | undefined)[] {
  return deadLetters.map(({ fields }) => fields['n']);
}

function lastId(deadLetters: readonly DeadLetter[]): EntryId {
  return present(deadLetters.at(-1)).id;
}

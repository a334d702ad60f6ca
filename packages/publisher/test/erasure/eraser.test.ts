// Erasing by the publisher library: windows, queues, continued searches, dead letters and failures.
import { randomUUID } from 'node:crypto';
import { BrokerError, createMemoryBroker } from '@millrace/broker';
import { eventCatalog, isControl, readControlEntry } from '@millrace/contract';
import { expect, it, vi } from 'vitest';
import { createPublisher } from '../../src/index.js';

const user = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const message = (content: string) => ({
  id: randomUUID(),
  request_id: randomUUID(),
  sender_id: user,
  content,
  sequence_number: 1,
  is_screenshot: false,
  created_at: '2026-01-16T10:00:00Z',
});

async function setUp() {
  const broker = createMemoryBroker({ streams: eventCatalog.streams });
  await broker.open();
  const publisher = createPublisher({ broker, catalog: eventCatalog });
  const entries = async (stream = 'events:chat') => broker.readRange(stream, { count: 1_000 });
  /** Returns the IDs of the events that are in a stream, without control entries. */
  const stored = async (stream?: string) =>
    (await entries(stream)).flatMap(({ fields }) =>
      readControlEntry(fields) === undefined ? [fields['event_id']] : [],
    );
  const controls = async () =>
    (await entries()).flatMap(({ fields }) => {
      const control = readControlEntry(fields);
      return control !== undefined && isControl(control) ? [control] : [];
    });
  return { broker, publisher, stored, controls };
}

it('an event that waits in a window is stored and then erased', async () => {
  const { publisher, stored, controls } = await setUp();
  const receipt = { user_id: user, message_ids: [randomUUID()] };
  const { eventId } = await publisher.publish('read_receipt', 'room', receipt);
  expect(await stored()).toEqual([]);
  expect(await publisher.erase({ eventId })).toEqual({ erased: 1, deadLetters: 0, isRemoved: true });
  expect(await stored()).toEqual([]);
  expect(await controls()).toMatchObject([{ kind: 'erase', roomId: 'room', entries: [{ eventId }] }]);
});

it('a search that has read enough entries is continued with `next`, and finds every event once', async () => {
  const { publisher, stored } = await setUp();
  for (let n = 0; n < 350; n += 1) await publisher.publish('chat_message', `room ${n % 2}`, message(`${n}`));
  const erased: number[] = [];
  for (let after: string | undefined, calls = 0; calls < 20; calls += 1) {
    const options = { maxEntries: 100, ...(after === undefined ? {} : { after }) };
    const result = await publisher.erase({ roomId: 'room 1' }, options);
    erased.push(result.erased);
    after = result.next;
    if (after === undefined) break;
  }
  expect(erased.reduce((sum, count) => sum + count, 0)).toBe(175);
  expect(erased.length).toBeGreaterThan(3);
  expect(await stored()).toHaveLength(175);
  expect(await publisher.erase({ roomId: 'room 1' })).toMatchObject({ erased: 0 });
});

it('an erasure erases only events that may be erased, and announces them in entries of at most 100', async () => {
  const { publisher, stored, controls } = await setUp();
  for (let n = 0; n < 250; n += 1) await publisher.publish('chat_message', 'mine', message(`${n}`));
  await publisher.publish('chat_message', 'theirs', message('kept'));
  const mayErase = ({ room_id }: { readonly room_id: string }) => room_id === 'mine';
  expect(await publisher.erase({ userId: user.toUpperCase() }, { mayErase })).toMatchObject({ erased: 250 });
  expect(await stored()).toHaveLength(1);
  const sizes = (await controls()).map((control) => (control.kind === 'erase' ? control.entries.length : 0));
  expect(sizes).toEqual([100, 100, 50]);
});

it('an erased event cannot be published again, and neither can one that was erased before it was published', async () => {
  const { publisher, stored } = await setUp();
  const { eventId } = await publisher.publish('chat_message', 'room', message('a'));
  await publisher.erase({ eventId, roomId: 'room' });
  expect(await publisher.publish('chat_message', 'room', message('a'), { eventId })).toMatchObject({
    isDuplicate: true,
  });
  const unborn = randomUUID();
  expect(await publisher.erase({ eventId: unborn })).toMatchObject({ erased: 0 });
  expect(await publisher.publish('chat_message', 'room', message('b'), { eventId: unborn })).toMatchObject({
    isDuplicate: true,
  });
  expect(await stored()).toEqual([]);
});

it('a dead letter of a selected event is removed, and others stay', async () => {
  const { broker, publisher } = await setUp();
  for (const room_id of ['room', 'other']) {
    const entry = { id: '1-1', fields: { event_id: randomUUID(), room_id } };
    await broker.deadLetter({
      stream: 'events:chat',
      entry: { ...entry, id: room_id === 'room' ? '1-1' : '1-2' },
      reason: 'r',
      rejectedBy: 'g',
    });
  }
  expect(await publisher.erase({ roomId: 'room' })).toMatchObject({ erased: 0, deadLetters: 1 });
  const left = await broker.listDeadLetters('events:chat', { count: 10 });
  expect(left.map(({ fields }) => fields['room_id'])).toEqual(['other']);
});

it('an event whose dead letter is replayed during the erasure is erased', async () => {
  const { broker, publisher, stored } = await setUp();
  const fields = { event_id: randomUUID(), event_type: 'chat_message', room_id: 'room' };
  await broker.deadLetter({
    stream: 'events:chat',
    entry: { id: '1-1', fields },
    reason: 'r',
    rejectedBy: 'g',
  });
  const list = broker.listDeadLetters.bind(broker);
  vi.spyOn(broker, 'listDeadLetters').mockImplementationOnce(async (...args) => {
    const deadLetters = await list('events:chat', { count: 1 });
    for (const { id } of deadLetters) await broker.requeueDeadLetter('events:chat', id);
    return list(...args);
  });
  expect(await publisher.erase({ roomId: 'room' })).toMatchObject({ erased: 1, deadLetters: 0 });
  expect(await stored()).toEqual([]);
});

it('entries and dead letters in the form of another program are found by the fields that the intake reads', async () => {
  const { broker } = await setUp();
  const publisher = createPublisher({
    broker,
    catalog: eventCatalog,
    intake: {
      streams: ['events:chat'],
      readEntry: (_stream, { id, fields }) => ({
        id,
        fields: { event_id: `of ${id}`, event_type: 'chat_message', room_id: fields['channel'] ?? '' },
      }),
    },
  });
  const append = async (channel: string) =>
    (await broker.append('events:chat', [{ fields: { channel } }]))[0] as { readonly id: string };
  const [first, second] = [await append('a'), await append('b')];
  const entry = { id: '1-1', fields: { channel: 'a' } };
  await broker.deadLetter({ stream: 'events:chat', entry, reason: 'r', rejectedBy: 'g' });
  expect(await publisher.erase({ eventId: `of ${second.id}` })).toMatchObject({ erased: 1, deadLetters: 0 });
  expect(await publisher.erase({ roomId: 'a' })).toMatchObject({ erased: 1, deadLetters: 1 });
  const controls = (await broker.readRange('events:chat', { count: 9 })).map(({ fields }) =>
    readControlEntry(fields),
  );
  expect(controls).toMatchObject([
    { roomId: 'b', entries: [{ id: second.id, eventId: `of ${second.id}` }] },
    { roomId: 'a', entries: [{ id: first.id, eventId: `of ${first.id}` }] },
  ]);
});

it('a failure of the broker is reported with a code, and a closed publisher erases nothing', async () => {
  const { broker, publisher } = await setUp();
  const failing = vi.spyOn(broker, 'inspect');
  failing.mockRejectedValueOnce(new BrokerError('unavailable', 'away'));
  await expect(publisher.erase({ roomId: 'room' })).rejects.toMatchObject({
    code: 'broker_unavailable',
    outcome: 'unknown',
  });
  failing.mockRejectedValueOnce(new BrokerError('refused', 'no rights'));
  await expect(publisher.erase({ roomId: 'room' })).rejects.toMatchObject({ code: 'stream_refused' });
  failing.mockRejectedValueOnce(new TypeError('a fault'));
  await expect(publisher.erase({ roomId: 'room' })).rejects.toThrow(TypeError);
  await publisher.close();
  await expect(publisher.erase({ roomId: 'room' })).rejects.toMatchObject({ code: 'publisher_closed' });
});

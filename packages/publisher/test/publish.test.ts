import { randomUUID } from 'node:crypto';
import { BrokerError } from '@millrace/broker';
import { ContractError, isUuidV4 } from '@millrace/contract';
import { describe, expect, it, vi } from 'vitest';
import { PublisherError } from '../src/index.js';
import { ana, chat, setUp } from './set-up.js';

const notification = { type: 'info', title: 'Grüße' };

describe('publish', () => {
  it('stamps ID, time and origin, and writes the six flat fields', async () => {
    await using test = await setUp();
    const result = await test.publisher.publish('notification', 'room-1', notification, {
      traceId: 'trace-1',
    });
    const [fields] = await test.entries('events:notification');
    expect(fields).toEqual({
      event_id: result.eventId,
      event_type: 'notification',
      timestamp: new Date(test.clock.wallMs()).toISOString(),
      room_id: 'room-1',
      payload: JSON.stringify(notification),
      metadata: '{"trace_id":"trace-1","source_instance":"test-1"}',
    });
    expect(isUuidV4(result.eventId)).toBe(true);
  });

  it('resolves with the entry in the stream', async () => {
    await using test = await setUp();
    const result = await test.publisher.publish('chat_message', 'room-1', chat(ana));
    const [entry] = await test.broker.readRange('events:chat', { count: 1 });
    expect(result).toEqual({
      status: 'stored',
      eventId: entry?.fields.event_id,
      entryId: entry?.id,
      isDuplicate: false,
    });
  });

  it('stores an event once per eventId, whatever its case, and answers with the first entry', async () => {
    await using test = await setUp();
    const eventId = randomUUID();
    const first = await test.publisher.publish('notification', 'room-1', notification, { eventId });
    const second = await test.publisher.publish('notification', 'room-1', notification, {
      eventId: eventId.toUpperCase(),
    });
    expect(second).toEqual({ ...first, isDuplicate: true });
    expect(await test.entries('events:notification')).toHaveLength(1);
  });

  it('puts each type into its own stream', async () => {
    await using test = await setUp();
    const session = { session_id: randomUUID(), agent_id: ana, requester_id: randomUUID() };
    const change = { request_id: randomUUID(), assigned_by: 'ana', assignee_id: null };
    await test.publisher.publish('remote_session_start', 'room-1', session);
    await test.publisher.publish('assignment_change', 'room-1', change);
    expect(await test.events('events:remote')).toMatchObject([
      { event_type: 'remote_session_start', payload: session },
    ]);
    expect(await test.events('events:ticket')).toMatchObject([
      { event_type: 'assignment_change', payload: change },
    ]);
  });

  it('keeps the order of the calls without waiting between them', async () => {
    await using test = await setUp();
    const titles = Array.from({ length: 500 }, (_, index) => `n-${index}`);
    await Promise.all(
      titles.map((title) => test.publisher.publish('notification', 'room', { type: 'info', title })),
    );
    const events = await test.events('events:notification');
    expect(events.map(({ payload }) => (payload as { title: string }).title)).toEqual(titles);
  });

  it.each([
    ['a payload that is no object', () => ['info'], 'room', {}, '/payload'],
    ['an empty room', () => notification, '', {}, '/room_id'],
    ['the room of everybody', () => notification, '*', {}, '/room_id'],
    [
      'a UUID v1 as eventId',
      () => notification,
      'room',
      { eventId: '5c8a4f60-f2b1-11ee-9c3d-0242ac120002' },
      '/event_id',
    ],
    ['a date without a time', () => notification, 'room', { timestamp: '2026-01-16' }, '/timestamp'],
  ])('refuses %s with the path, and stores nothing', async (_, payload, room, options, path) => {
    await using test = await setUp();
    // What a caller in plain JavaScript could do.
    const publishing = test.publisher.publish(
      'notification',
      room,
      payload() as unknown as typeof notification,
      options,
    );
    const error = await publishing.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ContractError);
    expect((error as ContractError).issues[0]?.path).toBe(path);
    expect(await test.entries('events:notification')).toEqual([]);
  });

  it('refuses what would be too large for a gateway to relay', async () => {
    await using test = await setUp();
    const big = { type: 'info', title: 'x'.repeat(300_000) };
    await expect(test.publisher.publish('notification', 'room', big)).rejects.toMatchObject({
      code: 'event_too_large',
    });
    const requests = [notification, big].map((payload) => ({
      type: 'notification' as const,
      roomId: 'room',
      payload,
    }));
    await expect(test.publisher.publishMany(requests)).rejects.toMatchObject({ code: 'event_too_large' });
    expect(await test.entries('events:notification')).toEqual([]);
  });

  it('refuses an unknown type', async () => {
    await using test = await setUp();
    const publish = test.publisher.publish.bind(test.publisher) as (
      type: string,
      room: string,
      payload: object,
    ) => Promise<unknown>;
    await expect(publish('unheard_of', 'room', {})).rejects.toBeInstanceOf(ContractError);
  });

  it('says that the outcome is unknown, and with which ID to repeat, when the broker is away', async () => {
    await using test = await setUp();
    const away = vi.spyOn(test.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    const publishing = test.publisher
      .publish('notification', 'room', notification)
      .catch((thrown: unknown) => thrown);
    await test.clock.advance(5_000);
    const error = await publishing;
    expect(error).toBeInstanceOf(PublisherError);
    const { code, eventId, retryAfterMs, outcome } = error as PublisherError;
    expect([code, retryAfterMs, outcome]).toEqual(['broker_unavailable', 1_000, 'unknown']);
    away.mockRestore();
    const repeating = test.publisher.publish('notification', 'room', notification, { eventId });
    // The outbox tries a broker that was away once a second at least.
    await test.clock.advance(1_000);
    expect(await repeating).toMatchObject({ status: 'stored', eventId, isDuplicate: false });
  });

  it('lets a fault of the program through as it is', async () => {
    await using test = await setUp();
    vi.spyOn(test.broker, 'append').mockRejectedValueOnce(
      new BrokerError('invalid_argument', 'unknown stream'),
    );
    await expect(test.publisher.publish('notification', 'room', notification)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('publishMany', () => {
  it('publishes in the given order and answers in the same', async () => {
    await using test = await setUp();
    const results = await test.publisher.publishMany([
      { type: 'notification', roomId: 'a', payload: { type: 'info', title: '1' } },
      { type: 'chat_message', roomId: 'b', payload: chat(null) },
      {
        type: 'notification',
        roomId: 'a',
        payload: { type: 'info', title: '2' },
        options: { eventId: randomUUID() },
      },
    ]);
    expect(results.map(({ status }) => status)).toEqual(['stored', 'stored', 'stored']);
    const stored = await test.events('events:notification');
    expect(stored.map(({ event_id }) => event_id)).toEqual([results[0]?.eventId, results[2]?.eventId]);
  });

  it('publishes nothing when one of them is invalid', async () => {
    await using test = await setUp();
    const requests = [
      { type: 'notification', roomId: 'a', payload: { type: 'info', title: '1' } },
      { type: 'notification', roomId: '', payload: { type: 'info', title: '2' } },
    ] as const;
    await expect(test.publisher.publishMany(requests)).rejects.toBeInstanceOf(ContractError);
    expect(await test.entries('events:notification')).toEqual([]);
  });
});

describe('publishEvents', () => {
  it('stores whole events as they are, extra fields in payload and metadata included', async () => {
    await using test = await setUp();
    const event = {
      event_id: randomUUID(),
      event_type: 'notification' as const,
      timestamp: '2026-01-16T12:00:00.5+02:00',
      room_id: 'räum',
      payload: { ...notification, extra: [1, { deep: true }] },
      metadata: { trace_id: null, region: 'eu' },
    };
    await test.publisher.publishEvents([event]);
    expect(await test.events('events:notification')).toEqual([event]);
  });
});

describe('close', () => {
  it('refuses new events and leaves the broker open', async () => {
    await using test = await setUp();
    await test.publisher.close();
    await test.publisher.close();
    await expect(test.publisher.publish('notification', 'room', notification)).rejects.toMatchObject({
      code: 'publisher_closed',
    });
    expect(test.broker.state).toBe('ready');
  });

  it('waits for what is under way', async () => {
    await using test = await setUp();
    const publishing = test.publisher.publish('notification', 'room', notification);
    await test.publisher.close();
    expect(test.stored).toHaveLength(1);
    await publishing;
  });
});

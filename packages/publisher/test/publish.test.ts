import { randomUUID } from 'node:crypto';
import { BrokerError } from '@millrace/broker';
import { ContractError, isUuidV4 } from '@millrace/contract';
import { describe, expect, it, vi } from 'vitest';
import { PublisherError } from '../src/index.js';
import { ana, chat, setUp } from './set-up.js';

const notification = { type: 'info', title: 'Grüße' };

describe('publish', () => {
  it('the entry of an event has six flat fields, with the ID, time and origin that publish() adds', async () => {
    await using system = await setUp();
    const result = await system.publisher.publish('notification', 'room-1', notification, {
      traceId: 'trace-1',
    });
    const [fields] = await system.entries('events:notification');
    expect(fields).toEqual({
      event_id: result.eventId,
      event_type: 'notification',
      timestamp: new Date(system.clock.wallMs()).toISOString(),
      room_id: 'room-1',
      payload: JSON.stringify(notification),
      metadata: '{"trace_id":"trace-1","source_instance":"test-1"}',
    });
    expect(isUuidV4(result.eventId)).toBe(true);
  });

  it('a call of publish() resolves with the ID of the stored entry', async () => {
    await using system = await setUp();
    const result = await system.publisher.publish('chat_message', 'room-1', chat(ana));
    const [entry] = await system.broker.readRange('events:chat', { count: 1 });
    expect(result).toEqual({
      status: 'stored',
      eventId: entry?.fields.event_id,
      entryId: entry?.id,
      isDuplicate: false,
    });
  });

  it('an event is stored once per eventId in any case, and a repeat gets the same entry', async () => {
    await using system = await setUp();
    const eventId = randomUUID();
    const first = await system.publisher.publish('notification', 'room-1', notification, { eventId });
    const second = await system.publisher.publish('notification', 'room-1', notification, {
      eventId: eventId.toUpperCase(),
    });
    expect(second).toEqual({ ...first, isDuplicate: true });
    expect(await system.entries('events:notification')).toHaveLength(1);
  });

  it('an event is stored in the stream of its type', async () => {
    await using system = await setUp();
    const session = { session_id: randomUUID(), agent_id: ana, requester_id: randomUUID() };
    const change = { request_id: randomUUID(), assigned_by: 'ana', assignee_id: null };
    await system.publisher.publish('remote_session_start', 'room-1', session);
    await system.publisher.publish('assignment_change', 'room-1', change);
    expect(await system.events('events:remote')).toMatchObject([
      { event_type: 'remote_session_start', payload: session },
    ]);
    expect(await system.events('events:ticket')).toMatchObject([
      { event_type: 'assignment_change', payload: change },
    ]);
  });

  it('events are stored in the order of the calls, even if no call waits for the previous one', async () => {
    await using system = await setUp();
    const titles = Array.from({ length: 500 }, (_, index) => `n-${index}`);
    await Promise.all(
      titles.map((title) => system.publisher.publish('notification', 'room', { type: 'info', title })),
    );
    const events = await system.events('events:notification');
    expect(events.map(({ payload }) => (payload as { title: string }).title)).toEqual(titles);
  });

  it.each([
    ['a payload that is not an object', () => ['info'], 'room', {}, '/payload'],
    ['an empty room', () => notification, '', {}, '/room_id'],
    ['the room of control entries', () => notification, 'millrace:control', {}, '/room_id'],
    [
      'a UUID v1 as eventId',
      () => notification,
      'room',
      { eventId: '5c8a4f60-f2b1-11ee-9c3d-0242ac120002' },
      '/event_id',
    ],
    ['a date without a time', () => notification, 'room', { timestamp: '2026-01-16' }, '/timestamp'],
  ])(
    'an event with %s is refused with the path of the wrong field, and nothing is stored',
    async (_, payload, room, options, path) => {
      await using system = await setUp();
      // A caller in plain JavaScript could pass these values.
      const publishing = system.publisher.publish(
        'notification',
        room,
        payload() as unknown as typeof notification,
        options,
      );
      const error = await publishing.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ContractError);
      expect((error as ContractError).issues[0]?.path).toBe(path);
      expect(await system.entries('events:notification')).toEqual([]);
    },
  );

  it('an event that exceeds the size limit is refused', async () => {
    await using system = await setUp();
    const big = { type: 'info', title: 'x'.repeat(300_000) };
    await expect(system.publisher.publish('notification', 'room', big)).rejects.toMatchObject({
      code: 'event_too_large',
    });
    const requests = [notification, big].map((payload) => ({
      type: 'notification' as const,
      roomId: 'room',
      payload,
    }));
    await expect(system.publisher.publishMany(requests)).rejects.toMatchObject({ code: 'event_too_large' });
    expect(await system.entries('events:notification')).toEqual([]);
  });

  it('an event of an unknown type is refused', async () => {
    await using system = await setUp();
    const publish = system.publisher.publish.bind(system.publisher) as (
      type: string,
      room: string,
      payload: object,
    ) => Promise<unknown>;
    await expect(publish('unheard_of', 'room', {})).rejects.toBeInstanceOf(ContractError);
  });

  it('the error after a failure of the broker has the outcome “unknown”, and the event ID for a repeat', async () => {
    await using system = await setUp();
    const away = vi.spyOn(system.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    const publishing = system.publisher
      .publish('notification', 'room', notification)
      .catch((thrown: unknown) => thrown);
    await system.clock.advance(5_000);
    const error = await publishing;
    expect(error).toBeInstanceOf(PublisherError);
    const { code, eventId, retryAfterMs, outcome } = error as PublisherError;
    expect([code, retryAfterMs, outcome]).toEqual(['broker_unavailable', 1_000, 'unknown']);
    away.mockRestore();
    const repeating = system.publisher.publish('notification', 'room', notification, { eventId });
    // The queue retries at least once a second while the broker is unavailable.
    await system.clock.advance(1_000);
    expect(await repeating).toMatchObject({ status: 'stored', eventId, isDuplicate: false });
  });

  it('a BrokerError with the code invalid_argument is passed on unchanged', async () => {
    await using system = await setUp();
    vi.spyOn(system.broker, 'append').mockRejectedValueOnce(
      new BrokerError('invalid_argument', 'unknown stream'),
    );
    await expect(system.publisher.publish('notification', 'room', notification)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('publishMany', () => {
  it('publishMany publishes in the given order, and returns results in the same order', async () => {
    await using system = await setUp();
    const results = await system.publisher.publishMany([
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
    const stored = await system.events('events:notification');
    expect(stored.map(({ event_id }) => event_id)).toEqual([results[0]?.eventId, results[2]?.eventId]);
  });

  it('publishMany publishes nothing if one event is invalid', async () => {
    await using system = await setUp();
    const requests = [
      { type: 'notification', roomId: 'a', payload: { type: 'info', title: '1' } },
      { type: 'notification', roomId: '', payload: { type: 'info', title: '2' } },
    ] as const;
    await expect(system.publisher.publishMany(requests)).rejects.toBeInstanceOf(ContractError);
    expect(await system.entries('events:notification')).toEqual([]);
  });
});

describe('publishEvents', () => {
  it('publishEvents stores whole events as they are, with extra fields in payload and metadata', async () => {
    await using system = await setUp();
    const event = {
      event_id: randomUUID(),
      event_type: 'notification' as const,
      timestamp: '2026-01-16T12:00:00.5+02:00',
      room_id: 'räum',
      payload: { ...notification, extra: [1, { deep: true }] },
      metadata: { trace_id: null, region: 'eu' },
    };
    await system.publisher.publishEvents([event]);
    expect(await system.events('events:notification')).toEqual([event]);
  });
});

describe('close', () => {
  it('a closed publisher refuses new events and leaves the broker open', async () => {
    await using system = await setUp();
    await system.publisher.close();
    await system.publisher.close();
    await expect(system.publisher.publish('notification', 'room', notification)).rejects.toMatchObject({
      code: 'publisher_closed',
    });
    expect(system.broker.state).toBe('ready');
  });

  it('close() waits for the events that are being published', async () => {
    await using system = await setUp();
    const publishing = system.publisher.publish('notification', 'room', notification);
    await system.publisher.close();
    expect(system.stored).toHaveLength(1);
    await publishing;
  });
});

// Tests the oracle of the fault tests with handmade logs. It must find each fault, and no fault in a correct log.
import { describe, expect, test } from 'vitest';
import {
  type ClientLog,
  type ClientRecord,
  type Judgement,
  judge,
  type PublishRecord,
} from './support/oracle.js';
import { judgeSessions, type SessionJudgement, type ViewSession } from './support/session-oracle.js';

const published: PublishRecord[] = [1, 2, 3, 4].map((n) => ({
  eventId: `e${n}`,
  roomId: 'room',
  stream: n === 3 ? 'events:ticket' : 'events:chat',
  entryId: `${n}-0`,
  startedAtMs: n * 10,
  confirmedAtMs: n * 10 + 1,
}));

const handled = (eventId: string, atMs = 0): ClientRecord => ({ kind: 'handled', eventId, atMs });
const client = (...records: ClientRecord[]): ClientLog => ({ name: 'ana', roomId: 'room', records });
const all = ['e1', 'e2', 'e3', 'e4'].map((id) => handled(id));

const fine: Partial<Judgement> = {
  published: 4,
  due: 4,
  handled: 4,
  excused: 0,
  lost: 0,
  wronglyRecovered: 0,
  handledTwice: 0,
  outOfOrder: 0,
  unknown: 0,
};

describe('the oracle', () => {
  test('the oracle finds no fault if every event was handled once and in order', () => {
    expect(judge(published, [client(...all)])).toMatchObject(fine);
  });

  test('the oracle does not judge the order of events in different streams', () => {
    const records = ['e3', 'e1', 'e2', 'e4'].map((id) => handled(id));
    expect(judge(published, [client(...records)])).toMatchObject(fine);
  });

  test('the oracle finds lost events, and clients that were wrongly told that nothing is missing', () => {
    const lost = client(handled('e1'), handled('e3'), handled('e4'), { kind: 'recovered', atMs: 100 });
    expect(judge(published, [lost])).toMatchObject({ handled: 3, lost: 1, wronglyRecovered: 1 });
  });

  test('the oracle counts an event as lost unless the client was told to reload after its publication', () => {
    const reload: ClientRecord = { kind: 'reload', reason: 'gap', atMs: 25 };
    expect(judge(published, [client(reload)])).toMatchObject({ excused: 2, lost: 2 });
  });

  test('the oracle finds events that were handled twice, and counts repeats that were dropped', () => {
    const twice = client(...all, handled('e2'), { kind: 'repeated', eventId: 'e1', atMs: 9 });
    expect(judge(published, [twice])).toMatchObject({ handledTwice: 1, repeated: 1 });
  });

  test('the oracle finds events that are out of order within a stream', () => {
    const records = ['e2', 'e1', 'e3', 'e4'].map((id) => handled(id));
    expect(judge(published, [client(...records)])).toMatchObject({ outOfOrder: 1, lost: 0 });
    expect(judge(published, [client(...records)], new Set(), { isOrderJudged: false })).toMatchObject(fine);
  });

  test('the oracle finds events that nobody published, and events of another room', () => {
    const stranger = client(...all, handled('x'));
    expect(judge(published, [stranger])).toMatchObject({ unknown: 1 });
    expect(judge(published, [stranger], new Set(['x']))).toMatchObject(fine);
    const elsewhere: ClientLog = { name: 'bo', roomId: 'other', records: [handled('e1')] };
    expect(judge(published, [client(...all), elsewhere])).toMatchObject({ unknown: 1, due: 4 });
  });
});

describe('the oracle of clients that cannot resume', () => {
  const session = (eventIds: readonly string[], more: Partial<ViewSession> = {}): ViewSession => ({
    joinedAtMs: 0,
    reloadedAtMs: Number.NEGATIVE_INFINITY,
    isOpen: true,
    eventIds,
    ...more,
  });
  const judged = (...sessions: readonly ViewSession[]): SessionJudgement =>
    judgeSessions(published, [{ name: 'ana', roomId: 'room', sessions }], new Set(['tried']));
  const none = { missing: 0, excused: 0, receivedTwice: 0, outOfOrder: 0, unknown: 0 };

  test('the oracle finds no fault if the connections received what was published while they were open', () => {
    const first = session(['e1', 'tried'], { isOpen: false });
    const second = session(['e4'], { joinedAtMs: 35 });
    expect(judged(first, second)).toMatchObject({ ...none, sessions: 2, received: 2 });
    // A gateway that is behind sends the client of a new connection an event from before its join.
    expect(judged(session(['e2', 'e3', 'e4'], { joinedAtMs: 35 }))).toMatchObject({ ...none, received: 3 });
  });

  test('the oracle finds events that are missing between others, or at the end of an open connection', () => {
    expect(judged(session(['e1', 'e3', 'e4'], { isOpen: false, joinedAtMs: 50 }))).toMatchObject({
      missing: 1,
    });
    expect(judged(session(['e1', 'e2']))).toMatchObject({ missing: 2 });
    expect(judged(session(['e4'], { joinedAtMs: 15, isOpen: false }))).toMatchObject({ missing: 1 });
    expect(judged(session(['e4'], { reloadedAtMs: 35 }))).toMatchObject({ missing: 0, excused: 3 });
  });

  test('the oracle finds events that came twice, out of order, or from another room', () => {
    expect(judged(session(['e1', 'e1', 'e2', 'e3', 'e4']))).toMatchObject({ ...none, receivedTwice: 1 });
    expect(judged(session(['e2', 'e1', 'e3', 'e4']))).toMatchObject({ ...none, outOfOrder: 1 });
    expect(judged(session(['e1', 'e2', 'x', 'e3', 'e4']))).toMatchObject({ ...none, unknown: 1 });
  });
});

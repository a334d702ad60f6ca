// The removals and sign-outs that a gateway knows, from entries in stream order and from the store.
import type { Revocation } from '@millrace/broker';
import { revocationName } from '@millrace/contract';
import { describe, expect, it } from 'vitest';
import { Revocations } from '../../src/membership/revocations.js';

const CHAT = 'events:chat';
const TICKET = 'events:ticket';
const ana = 'ana';

function setUp() {
  const log: string[] = [];
  let timeMs = 1_000;
  const revocations = new Revocations({
    streamsOf: () => [CHAT, TICKET],
    brokerTimeMs: () => timeMs,
    onRemoved: (roomId, userId) => log.push(`${userId} leaves ${roomId}`),
    onSignedOut: (userId) => log.push(`${userId} is signed out`),
  });
  const apply =
    (state: Revocation['state']) =>
    (stream: string, id: string, endsMs = 100_000): void =>
      revocations.apply({ userId: ana, roomId: 'room' }, stream, { state, id, changedMs: timeMs, endsMs });
  return {
    revocations,
    log,
    remove: apply('revoked'),
    add: apply('restored'),
    pass: (ms: number) => {
      timeMs += ms;
    },
  };
}

function stored(state: Revocation['state'], id: string, revokedId = id): Revocation {
  const name = revocationName({ userId: ana, roomId: 'room' });
  return { name, state, id, revokedId, changedMs: 1_000, endsMs: 100_000 };
}

describe('a removal', () => {
  it('a user is removed as soon as every stream of the room has the entry, and each stream ends at its own entry', () => {
    const { revocations, log, remove } = setUp();
    remove(CHAT, '5-0');
    expect(revocations.statusOf('room', ana)).toBe('partly');
    expect(revocations.isRemoved('room', ana)).toBe(true);
    expect(revocations.forbiddenIn('room', CHAT, '4-0')).toEqual([]);
    expect(revocations.forbiddenIn('room', CHAT, '6-0')).toEqual([ana]);
    expect(revocations.forbiddenIn('room', TICKET, '6-0')).toEqual([]);
    expect(log).toEqual([]);
    remove(TICKET, '7-0');
    expect(revocations.statusOf('room', ana)).toBe('removed');
    expect(log).toEqual(['ana leaves room']);
    const access = revocations.accessOf('room', ana);
    const ids = ['5-0', '6-0', '8-0'];
    expect(ids.map((id) => access?.mayReceive(CHAT, id))).toEqual([true, false, false]);
    expect(ids.map((id) => access?.mayReceive(TICKET, id))).toEqual([true, true, false]);
    expect(revocations.forbiddenIn('room', CHAT, '9-0')).toEqual([]);
  });

  it('a removal concerns only its own user and room, however the user ID is spelt', () => {
    const { revocations } = setUp();
    const upper = '3F2504E0-4F89-41D3-9A0C-0305E82C3301';
    const known = { state: 'revoked', id: '1-0', changedMs: 1, endsMs: 100_000 } as const;
    for (const stream of [CHAT, TICKET]) revocations.apply({ userId: upper, roomId: 'room' }, stream, known);
    expect(revocations.statusOf('room', upper.toLowerCase())).toBe('removed');
    expect(revocations.statusOf('room', ana)).toBe('member');
    expect(revocations.statusOf('other', upper)).toBe('member');
    expect(revocations.accessOf('room', ana)).toBeUndefined();
  });

  it('a user who was added again may receive what came before the removal and after the return, and nothing in between', () => {
    const { revocations, remove, add } = setUp();
    for (const stream of [CHAT, TICKET]) remove(stream, '5-0');
    add(CHAT, '8-0');
    expect(revocations.isRemoved('room', ana)).toBe(true);
    add(TICKET, '9-0');
    expect(revocations.statusOf('room', ana)).toBe('member');
    const access = revocations.accessOf('room', ana);
    const ids = ['5-0', '6-0', '8-0', '9-0'];
    expect(ids.map((id) => access?.mayReceive(CHAT, id))).toEqual([true, false, false, true]);
    expect([access?.restoredAt(CHAT), access?.restoredAt(TICKET)]).toEqual(['8-0', '9-0']);
  });

  it('a user who was removed and added again stream by stream leaves the room, because events are missing', () => {
    const { revocations, log, remove, add } = setUp();
    remove(CHAT, '5-0');
    add(CHAT, '8-0');
    expect(log).toEqual(['ana leaves room']);
    remove(TICKET, '6-0');
    add(TICKET, '9-0');
    expect(log).toEqual(['ana leaves room', 'ana leaves room']);
    expect(revocations.statusOf('room', ana)).toBe('member');
  });

  it('limits that were read before a change stay as they were', () => {
    const { revocations, remove, add } = setUp();
    for (const stream of [CHAT, TICKET]) remove(stream, '5-0');
    const access = revocations.accessOf('room', ana);
    for (const stream of [CHAT, TICKET]) add(stream, '8-0');
    expect(access?.mayReceive(CHAT, '9-0')).toBe(false);
    expect(revocations.accessOf('room', ana)?.mayReceive(CHAT, '9-0')).toBe(true);
  });

  it('a removal that has not reached every stream counts for all of them after five seconds', () => {
    const { revocations, log, remove, pass } = setUp();
    remove(CHAT, '5-0');
    pass(4_999);
    revocations.maintain();
    expect(revocations.statusOf('room', ana)).toBe('partly');
    pass(1);
    revocations.maintain();
    expect(revocations.statusOf('room', ana)).toBe('removed');
    expect(log).toEqual(['ana leaves room']);
    expect(revocations.forbiddenIn('room', CHAT, '6-0')).toEqual([]);
  });

  it('a removal is forgotten at its end', () => {
    const { revocations, remove, pass } = setUp();
    for (const stream of [CHAT, TICKET]) remove(stream, '5-0', 2_000);
    pass(999);
    expect(revocations.isRemoved('room', ana)).toBe(true);
    pass(1);
    expect(revocations.isRemoved('room', ana)).toBe(false);
    expect(revocations.accessOf('room', ana)).toBeUndefined();
    expect([...revocations.revokedIn(CHAT)]).toEqual([]);
  });

  it('the store fills in what the gateway has not read, and replaces nothing newer', () => {
    const { revocations, log, add } = setUp();
    for (const stream of [CHAT, TICKET]) revocations.merge(stream, stored('revoked', '5-0'));
    expect(log).toEqual(['ana leaves room']);
    expect([...revocations.revokedIn(CHAT).keys()]).toEqual([
      revocationName({ userId: ana, roomId: 'room' }),
    ]);
    for (const stream of [CHAT, TICKET]) add(stream, '8-0');
    revocations.merge(CHAT, stored('revoked', '5-0'));
    expect(revocations.isRemoved('room', ana)).toBe(false);
    revocations.merge(CHAT, stored('revoked', '9-0'));
    expect(revocations.isRemoved('room', ana)).toBe(true);
    revocations.merge(CHAT, { ...stored('revoked', '1-0'), name: 'of a later build' });
  });

  it('the newest entry of a stream counts even if its ID is lower, because the stream may have begun again', () => {
    const { revocations, remove, add } = setUp();
    for (const stream of [CHAT, TICKET]) remove(stream, '500-0');
    for (const stream of [CHAT, TICKET]) add(stream, '8-0');
    expect(revocations.isRemoved('room', ana)).toBe(false);
  });
});

describe('a sign-out', () => {
  it('tokens that were issued before the sign-out or in the same second are refused, and later ones are not', () => {
    const { revocations, log } = setUp();
    expect(revocations.isSignedOut(ana, 0)).toBe(false);
    const known = { state: 'revoked', id: '1500-0', changedMs: 61_500, endsMs: 100_000 } as const;
    revocations.apply({ userId: ana }, CHAT, known);
    expect(log).toEqual(['ana is signed out']);
    expect([0, 60_000, 61_000, 62_000].map((ms) => revocations.isSignedOut(ana, ms))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(revocations.isSignedOut('bob', 0)).toBe(false);
    expect(revocations.isRemoved('room', ana)).toBe(false);
  });

  it('an earlier sign-out that was stored again later does not make tokens valid that the newer one has ended', () => {
    const { revocations } = setUp();
    const newer = { state: 'revoked', id: '500-0', changedMs: 61_500, endsMs: 100_000 } as const;
    revocations.apply({ userId: ana }, CHAT, newer);
    revocations.apply({ userId: ana }, CHAT, { ...newer, id: '8-0', changedMs: 30_000 });
    expect([61_000, 62_000].map((ms) => revocations.isSignedOut(ana, ms))).toEqual([true, false]);
  });
});

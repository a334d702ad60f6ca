// The edits that one gateway must write: after which change, and after which failure.
import { describe, expect, it } from 'vitest';
import { LocalPresence, type PresenceClient, type RoomEdits } from '../../src/presence/local-presence.js';

const GRACE_MS = 1_000;

function setUp() {
  const time = { monotonicMs: 0 };
  const local = new LocalPresence({
    graceMs: GRACE_MS,
    monotonicMs: () => time.monotonicMs,
    storeMs: () => 5_000 + time.monotonicMs,
  });
  /** Takes and writes everything. Returns the edits in a short form: `room +key`, `room ~key` (held) or `room -key`. */
  const flush = (): string[] => {
    const taken = local.take(100);
    for (const edits of taken) local.written(edits);
    return taken.flatMap(shown);
  };
  return { time, local, flush };
}

function shown({ room, items }: RoomEdits): string[] {
  return items.map(({ edit }) =>
    'removedKey' in edit
      ? `${room} -${edit.removedKey}`
      : `${room} ${edit.connection.isHeld ? '~' : '+'}${edit.connection.key}`,
  );
}

function client(connectionId: string, key = connectionId, user = 'ana'): PresenceClient {
  return { connectionId, key, user, about: '{}' };
}

describe('the edits of a gateway', () => {
  it('a connection is written once although it enters twice', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    local.enter('a', client('c1'));
    expect(flush()).toEqual(['a +c1']);
    local.enter('a', client('c1'));
    expect(flush()).toEqual([]);
  });

  it('a connection that leaves is removed at once', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    flush();
    local.leave('a', 'c1');
    expect(local.has('a')).toBe(true);
    expect(flush()).toEqual(['a -c1']);
    expect([local.has('a'), local.size]).toEqual([false, 0]);
  });

  it('a connection that is lost while its first write is on the way is held like any other', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    const [onTheWay] = local.take(100);
    local.lose('c1');
    if (onTheWay !== undefined) local.written(onTheWay);
    expect(flush()).toEqual(['a ~c1']);
  });

  it('a connection that is lost before its first write is never written', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    local.lose('c1');
    expect(flush()).toEqual(['a -c1']);
    expect(local.size).toBe(0);
  });

  it('a state has a later time than one that another client of the user set in the same millisecond', () => {
    const { time, local } = setUp();
    for (const id of ['c1', 'c2', 'c3']) local.enter('a', client(id));
    const timesOf = () =>
      local
        .take(100)
        .flatMap(({ items }) =>
          items.map(({ edit }) => ('connection' in edit ? edit.connection.stateMs : 0)),
        );
    local.setState('a', client('c1'), '1');
    local.setState('a', client('c2'), '2');
    time.monotonicMs += 1;
    local.setState('a', client('c3'), '3');
    const [first = 0, second = 0, third = 0] = timesOf();
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
  });

  it('a lost connection is held for the grace and then removed', () => {
    const { time, local, flush } = setUp();
    local.enter('a', client('c1'));
    local.enter('b', client('c1'));
    flush();
    expect(local.lose('c1')).toEqual(['a', 'b']);
    expect(flush()).toEqual(['a ~c1', 'b ~c1']);
    time.monotonicMs = GRACE_MS - 1;
    local.expire();
    expect(flush()).toEqual([]);
    time.monotonicMs = GRACE_MS;
    local.expire();
    expect(flush()).toEqual(['a -c1', 'b -c1']);
  });

  it('a client that returns with its key within the grace is never removed', () => {
    const { time, local, flush } = setUp();
    local.enter('a', client('c1', 'tab'));
    flush();
    local.lose('c1');
    time.monotonicMs = 500;
    local.enter('a', client('c2', 'tab'));
    expect(flush()).toEqual(['a +tab']);
    time.monotonicMs = 10_000;
    local.expire();
    expect(flush()).toEqual([]);
  });

  it('a client that comes back from another gateway enters again, so that the entry of the other gateway does not win', () => {
    const { time, local, flush } = setUp();
    local.enter('a', client('c1', 'tab'));
    flush();
    local.lose('c1');
    flush();
    time.monotonicMs = 700;
    local.enter('a', client('c2', 'tab'));
    expect(local.take(10)[0]?.items[0]?.edit).toMatchObject({
      connection: { enteredMs: 5_700, isHeld: false },
    });
  });

  it('an entry whose client is at another gateway since clearly later is dropped, and one of about the same time wins', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1', 'moved'));
    local.enter('b', client('c2', 'racing'));
    flush();
    local.superseded('a', 'moved|ana', 7_000);
    local.superseded('b', 'racing|ana', 5_400);
    expect(local.has('a')).toBe(false);
    const [edits] = local.take(10);
    expect(edits).toMatchObject({ room: 'b', items: [{ edit: { connection: { enteredMs: 5_401 } } }] });
    local.lose('c1');
    expect(local.size).toBe(1);
  });

  it('a client that opens its next connection before the last one ends is never held', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1', 'tab'));
    local.enter('a', client('c2', 'tab'));
    flush();
    local.lose('c1');
    expect(flush()).toEqual([]);
    local.leave('a', 'c2');
    expect(flush()).toEqual(['a -tab']);
  });

  it('a failed edit is taken again in its newest form', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    const [failed] = local.take(10);
    if (failed === undefined) throw new Error('nothing was taken');
    local.leave('a', 'c1');
    local.failed(failed);
    expect(flush()).toEqual(['a -c1']);
  });

  it('a connection that leaves while it is being written is removed with the next flush', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    const [taken] = local.take(10);
    if (taken === undefined) throw new Error('nothing was taken');
    local.leave('a', 'c1');
    expect(local.written(taken)).toBe(true);
    expect(flush()).toEqual(['a -c1']);
    expect(local.size).toBe(0);
  });

  it('a connection that enters again while it is being removed stays', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    flush();
    local.leave('a', 'c1');
    const [taken] = local.take(10);
    if (taken === undefined) throw new Error('nothing was taken');
    local.enter('a', client('c1'));
    local.written(taken);
    expect(flush()).toEqual(['a +c1']);
    expect(local.size).toBe(1);
  });

  it('every open connection is written again under a new lease, and lost ones are forgotten', () => {
    const { time, local, flush } = setUp();
    for (const id of ['c1', 'c2', 'c3']) local.enter('a', client(id));
    flush();
    local.lose('c2');
    local.leave('a', 'c3');
    local.startOver();
    expect(flush()).toEqual(['a +c1']);
    time.monotonicMs = GRACE_MS;
    local.expire();
    expect(flush()).toEqual([]);
  });

  it('a connection that ends before it was written is not held', () => {
    const { local, flush } = setUp();
    local.enter('a', client('c1'));
    local.lose('c1');
    expect(flush()).toEqual(['a -c1']);
  });

  it('the newest state is written, and states of one millisecond keep their order', () => {
    const { local } = setUp();
    local.enter('a', client('c1'));
    local.setState('a', client('c1'), '"one"');
    local.setState('a', client('c1'), '"two"');
    local.setState('a', client('stranger'), '"three"');
    const edit = local.take(10)[0]?.items[0]?.edit;
    expect(edit).toMatchObject({ connection: { state: '"two"', stateMs: 5_001 } });
  });

  it('unchanged rooms are written again after a while, oldest first and a few at a time', () => {
    const { time, local, flush } = setUp();
    for (const room of ['a', 'b', 'c']) {
      local.enter(room, client('c1'));
      flush();
      time.monotonicMs += 10;
    }
    time.monotonicMs = 60_000;
    expect(local.repeat(60_000, 10)).toEqual(['a']);
    time.monotonicMs = 70_000;
    expect(local.repeat(60_000, 1)).toEqual(['b']);
    expect(flush()).toEqual(['a +c1', 'b +c1']);
    expect(local.repeat(60_000, 10)).toEqual(['c']);
  });
});

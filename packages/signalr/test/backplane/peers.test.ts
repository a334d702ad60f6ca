/* The present peers and the number of lost messages, and how they change with each heartbeat. */
import { describe, expect, test } from 'vitest';
import { Peers } from '../../src/backplane/peers.js';

/** Returns the peers of an instance that has received its own message. */
function up(): Peers {
  const peers = new Peers();
  peers.receivedOwnMessage();
  return peers;
}

/**
 * Runs one heartbeat of an instance. The instance then receives its own message, and an announcement of each peer in `heard`.
 * Returns the result of the heartbeat.
 */
function beat(peers: Peers, ...heard: readonly string[]): ReturnType<Peers['beat']> {
  const result = peers.beat();
  peers.receivedOwnMessage();
  for (const id of heard) {
    peers.received(id, 0, false);
    peers.announced(id);
  }
  return result;
}

describe('an instance', () => {
  test('an instance is up as soon as it receives its own message, and reports the change once', () => {
    const peers = new Peers();
    expect(peers.state).toBe('starting');
    expect(peers.isNew).toBe(true);
    expect(peers.receivedOwnMessage()).toBe(true);
    expect(peers.receivedOwnMessage()).toBe(false);
    expect(peers.state).toBe('up');
    expect(peers.isNew).toBe(false);
  });

  test.each([
    ['that was up', up, 'up'],
    ['that was never up', () => new Peers(), 'starting'],
  ] as const)(
    'an instance %s is down after three complete heartbeats without its own messages',
    (_name, create, state) => {
      const peers = create();
      for (let count = 0; count < 3; count += 1) {
        expect(peers.beat().isDownNow).toBe(false);
        expect(peers.state).toBe(state);
      }
      expect(peers.beat().isDownNow).toBe(true);
      expect(peers.state).toBe('down');
      expect(peers.beat().isDownNow).toBe(false);
      expect(peers.receivedOwnMessage()).toBe(true);
      expect(peers.state).toBe('up');
    },
  );

  test('the list of peers is complete after two whole heartbeats, both at the start and after each outage', () => {
    const peers = up();
    for (let round = 0; round < 2; round += 1) {
      for (let count = 0; count < 2; count += 1) {
        beat(peers);
        expect(peers.isComplete).toBe(false);
      }
      beat(peers);
      expect(peers.isComplete).toBe(true);
      for (let count = 0; count < 4; count += 1) peers.beat();
      expect(peers.isComplete).toBe(false);
      peers.receivedOwnMessage();
    }
  });
});

describe('a peer', () => {
  test('a peer is present only after its announcement, not after its first message', () => {
    const peers = up();
    peers.received('a', 1, true);
    expect(peers.present()).toEqual([]);
    expect(peers.announced('a')).toBe(true);
    expect(peers.announced('a')).toBe(false);
    expect(peers.present()).toEqual(['a']);
  });

  test('a peer that is silent for five heartbeats counts as gone, and is reported once', () => {
    const peers = up();
    beat(peers, 'a', 'b');
    for (let count = 0; count < 5; count += 1) expect(beat(peers, 'b').gone).toEqual([]);
    expect(beat(peers, 'b').gone).toEqual(['a']);
    expect(beat(peers, 'b').gone).toEqual([]);
    expect(peers.present()).toEqual(['b']);
    expect(beat(peers, 'a').gone).toEqual([]);
    expect(peers.present()).toEqual(['a', 'b']);
  });

  test('a peer that has announced that it leaves is no longer present, and is not reported as gone', () => {
    const peers = up();
    beat(peers, 'a');
    peers.left('a');
    expect(peers.present()).toEqual([]);
    for (let count = 0; count < 8; count += 1) expect(beat(peers).gone).toEqual([]);
  });

  test('a peer does not count as gone while this instance receives nothing', () => {
    const peers = up();
    beat(peers, 'a');
    for (let count = 0; count < 100; count += 1) expect(peers.beat().gone).toEqual([]);
    peers.receivedOwnMessage();
    for (let count = 0; count < 5; count += 1) expect(beat(peers).gone).toEqual([]);
    expect(beat(peers).gone).toEqual(['a']);
  });
});

describe('the numbers of a peer', () => {
  const next = (lost: number): object => ({ kind: 'next', lost });

  test('the sequence numbers of a peer are checked from its first received message on', () => {
    const peers = up();
    expect(peers.received('a', 500, true)).toEqual(next(0));
    expect(peers.received('a', 501, true)).toEqual(next(0));
  });

  test('the next message or announcement of a peer shows how many messages were lost', () => {
    const peers = up();
    peers.received('a', 0, false);
    expect(peers.received('a', 1, true)).toEqual(next(0));
    expect(peers.received('a', 4, true)).toEqual(next(2));
    expect(peers.received('a', 4, false)).toEqual(next(0));
    expect(peers.received('a', 9, false)).toEqual(next(5));
    expect(peers.received('a', 10, true)).toEqual(next(0));
    expect(peers.received('b', 3, true)).toEqual(next(0));
  });

  test('a message of an unknown kind does not disturb the count of lost messages', () => {
    const peers = up();
    peers.received('a', 5, true);
    expect(peers.received('a', 5, undefined)).toEqual(next(0));
    expect(peers.received('a', 6, undefined)).toEqual(next(0));
    expect(peers.received('a', 9, undefined)).toEqual(next(2));
    expect(peers.received('a', 10, true)).toEqual(next(0));
  });

  test('a message whose sequence number has already arrived counts as repeated', () => {
    const peers = up();
    peers.received('a', 5, true);
    expect(peers.received('a', 5, true)).toEqual({ kind: 'repeated' });
    expect(peers.received('a', 4, false)).toEqual({ kind: 'repeated' });
    expect(peers.received('a', 6, true)).toEqual(next(0));
  });

  test('the last sequence number of an absent peer is kept, so that lost messages can be counted', () => {
    const peers = up();
    beat(peers, 'a');
    peers.received('a', 3, true);
    for (let count = 0; count < 300; count += 1) beat(peers);
    expect(peers.present()).toEqual([]);
    expect(peers.received('a', 10, false)).toEqual(next(7));
    expect(peers.announced('a')).toBe(true);
  });

  test('the last sequence number of a peer is forgotten six hundred heartbeats after the last message', () => {
    const peers = up();
    beat(peers, 'a');
    for (let count = 0; count < 601; count += 1) beat(peers);
    expect(peers.received('a', 10, false)).toEqual(next(0));
  });
});

test('an instance remembers at most a thousand peers, and never evicts a present peer', () => {
  const peers = up();
  for (let index = 0; index < 1_000; index += 1) peers.received(`gone ${index}`, 0, false);
  for (let index = 0; index < 1_000; index += 1) beat(peers, `there ${index}`);
  for (let index = 0; index < 1_000; index += 1) peers.received(`there ${index}`, 0, false);
  const there = Array.from({ length: 1_000 }, (_, index) => `there ${index}`);
  for (const id of there) peers.announced(id);
  expect(peers.present().toSorted()).toEqual(there.toSorted());
  expect(peers.received('one more', 0, false)).toEqual({ kind: 'refused' });
  peers.left('there 0');
  expect(peers.received('one more', 0, false)).toEqual({ kind: 'next', lost: 0 });
});

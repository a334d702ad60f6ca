/*
 * The present peers and the number of lost messages, heartbeat by heartbeat.
 */
import { describe, expect, test } from 'vitest';
import { Peers } from '../../src/backplane/peers.js';

/** The peers of an instance that has received its own message. */
function up(): Peers {
  const peers = new Peers();
  peers.receivedOwnMessage();
  return peers;
}

/** One heartbeat of an instance that receives its own message and an announcement of each given peer. */
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
  test('an instance is up once it receives its own message, and reports it once', () => {
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
    'an instance %s is down after three whole heartbeats without a message of its own',
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

  test('the known peers are complete after two whole heartbeats, and again after each outage', () => {
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
  test('a peer is present once it has announced itself, not from its first message on', () => {
    const peers = up();
    peers.received('a', 1, true);
    expect(peers.present()).toEqual([]);
    expect(peers.announced('a')).toBe(true);
    expect(peers.announced('a')).toBe(false);
    expect(peers.present()).toEqual(['a']);
  });

  test('a peer is gone after five silent heartbeats, and is reported once', () => {
    const peers = up();
    beat(peers, 'a', 'b');
    for (let count = 0; count < 5; count += 1) expect(beat(peers, 'b').gone).toEqual([]);
    expect(beat(peers, 'b').gone).toEqual(['a']);
    expect(beat(peers, 'b').gone).toEqual([]);
    expect(peers.present()).toEqual(['b']);
    expect(beat(peers, 'a').gone).toEqual([]);
    expect(peers.present()).toEqual(['a', 'b']);
  });

  test('a peer that has announced its leaving is no longer present', () => {
    const peers = up();
    beat(peers, 'a');
    peers.left('a');
    expect(peers.present()).toEqual([]);
    for (let count = 0; count < 8; count += 1) expect(beat(peers).gone).toEqual([]);
  });

  test('a peer does not count as gone while this instance receives nothing, nor in the first heartbeats after that', () => {
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

  test('the numbers of a peer are counted from its first received message on', () => {
    const peers = up();
    expect(peers.received('a', 500, true)).toEqual(next(0));
    expect(peers.received('a', 501, true)).toEqual(next(0));
  });

  test('the number of lost messages is known from the next message or announcement', () => {
    const peers = up();
    peers.received('a', 0, false);
    expect(peers.received('a', 1, true)).toEqual(next(0));
    expect(peers.received('a', 4, true)).toEqual(next(2));
    expect(peers.received('a', 4, false)).toEqual(next(0));
    expect(peers.received('a', 9, false)).toEqual(next(5));
    expect(peers.received('a', 10, true)).toEqual(next(0));
    expect(peers.received('b', 3, true)).toEqual(next(0));
  });

  test('the numbers of a peer are continued after a message of an unknown kind', () => {
    const peers = up();
    peers.received('a', 5, true);
    expect(peers.received('a', 5, undefined)).toEqual(next(0));
    expect(peers.received('a', 6, undefined)).toEqual(next(0));
    expect(peers.received('a', 9, undefined)).toEqual(next(2));
    expect(peers.received('a', 10, true)).toEqual(next(0));
  });

  test('a repeated number is not counted twice', () => {
    const peers = up();
    peers.received('a', 5, true);
    expect(peers.received('a', 5, true)).toEqual({ kind: 'repeated' });
    expect(peers.received('a', 4, false)).toEqual({ kind: 'repeated' });
    expect(peers.received('a', 6, true)).toEqual(next(0));
  });

  test('the number of a peer is kept while it is gone, so that its losses can be counted', () => {
    const peers = up();
    beat(peers, 'a');
    peers.received('a', 3, true);
    for (let count = 0; count < 300; count += 1) beat(peers);
    expect(peers.present()).toEqual([]);
    expect(peers.received('a', 10, false)).toEqual(next(7));
    expect(peers.announced('a')).toBe(true);
  });

  test('the number of a peer is forgotten six hundred heartbeats after its last message', () => {
    const peers = up();
    beat(peers, 'a');
    for (let count = 0; count < 601; count += 1) beat(peers);
    expect(peers.received('a', 10, false)).toEqual(next(0));
  });
});

test('an instance remembers a thousand peers at most, and evicts no present peer for another', () => {
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

// A track counts lost entries. The tests need no broker: they simulate a stream and remove entries. They also report tips to
// the track, which are the newest entry of the stream and the number of appended entries.
import { compareEntryIds, type Entry } from '@millrace/broker';
import { present } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamTrack } from '../../src/subscriber/stream-track.js';

const START = { stream: 's', epoch: 'e', cursor: '0-0', lastId: '0-0', entriesAdded: 0, timeMs: 0 };
const entry = (id: string): Entry => ({ id, fields: { name: id } });
const tip = (n: number) => ({ lastId: n === 0 ? '0-0' : `${n}-0`, entriesAdded: n });

describe('StreamTrack', () => {
  it('erased entries that were removed before they were read do not count as lost, and others do', () => {
    const track = new StreamTrack(START);
    track.advance(entry('1-0'));
    track.noteTip(tip(1));
    // The subscriber is declared dead while it is behind. Meanwhile the entries 2 and 3 are erased by the control entry 5, and 4 is lost.
    track.noteTip(tip(3));
    track.skipTip();
    track.noteTip({ lastId: '5-0', entriesAdded: 5 });
    track.advance(entry('5-0'));
    track.noteErased(['1-0', '2-0', '3-0']);
    expect(track.noteTip({ lastId: '5-0', entriesAdded: 5 })).toBe(1);
    expect(track.advance(entry('6-0'))).toBe(0);
    expect(track.noteTip(tip(6))).toBe(0);
  });

  it('erased entries that were read do not hide a loss', () => {
    const track = new StreamTrack(START);
    track.advance(entry('1-0'));
    track.noteTip(tip(1));
    track.advance(entry('2-0'));
    track.advance(entry('4-0'));
    track.noteErased(['1-0', '2-0']);
    expect(track.noteTip(tip(4))).toBe(1);
  });

  it('a StreamTrack counts exactly the entries that were removed unread, whenever it gets a report (property)', () => {
    const step = fc.record({
      published: fc.nat(5),
      vanished: fc.nat(3),
      /** Number of entries that the reader receives before it learns the tip. */
      readBefore: fc.nat(8),
      isTipOld: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const track = new StreamTrack(START);
        let added = 0;
        let lost = 0;
        let found = 0;
        let unread: number[] = [];
        let lastTip = tip(0);
        for (const { published, vanished, readBefore, isTipOld } of steps) {
          for (let n = 0; n < published; n++) unread.push(++added);
          const old = lastTip;
          lastTip = tip(added);
          const gone = unread.splice(0, vanished);
          lost += gone.length;
          for (const n of unread.splice(0, readBefore)) found += track.advance(entry(`${n}-0`));
          found += track.noteTip(isTipOld ? old : lastTip);
          // The track must never count more lost entries than there are. A false alarm would make every client load
          // everything again.
          expect(found).toBeLessThanOrEqual(lost);
        }
        for (const n of unread.splice(0)) found += track.advance(entry(`${n}-0`));
        found += track.advance(entry(`${++added}-0`));
        found += track.noteTip(tip(added));
        expect(found).toBe(lost);
      }),
      { numRuns: 3000 },
    );
  });

  it('a StreamTrack reports no loss until it has once reached a report’s newest entry', () => {
    const track = new StreamTrack({ ...START, cursor: '5-0', lastId: '9-0', entriesAdded: 100 });
    expect(track.advance(entry('9-0'))).toBe(0);
    expect(track.noteTip({ lastId: '9-0', entriesAdded: 100 })).toBe(0);
    expect(track.noteTip({ lastId: '9-0', entriesAdded: 103 })).toBe(3);
  });

  it('a StreamTrack finds a loss even if it never reaches the newest entry', () => {
    const track = new StreamTrack(START);
    track.noteTip(tip(0));
    let found = 0;
    for (let n = 1; n <= 500; n++) {
      if (n % 10 === 0) found += track.noteTip(tip(n + 1_000));
      if (n !== 7) found += track.advance(entry(`${n}-0`));
    }
    // The first tip is entry 1010. The track has not reached that entry yet, so it cannot find the loss.
    expect(found).toBe(0);
    for (let n = 501; n <= 1_011; n++)
      found += track.advance(entry(`${n}-0`)) + track.noteTip(tip(n + 1_000));
    expect(found).toBe(1);
  });

  it('a StreamTrack is caught up when it reaches the newest entry of its start or of the next report', () => {
    const track = new StreamTrack({ ...START, cursor: '5-0', lastId: '9-0', entriesAdded: 100 });
    expect(track.isCaughtUp).toBe(false);
    track.advance(entry('9-0'));
    expect(track.isCaughtUp).toBe(true);
    track.loseTarget();
    expect(track.isCaughtUp).toBe(false);
    track.noteTip({ lastId: '12-0', entriesAdded: 103 });
    track.advance(entry('11-0'));
    expect(track.isCaughtUp).toBe(false);
    track.advance(entry('12-0'));
    expect(track.isCaughtUp).toBe(true);
  });

  it('a StreamTrack starts at the beginning after reset(), and its part of a position follows cursor and epoch', () => {
    const track = new StreamTrack(START);
    const { generation, segment } = track;
    track.advance(entry('7-0'));
    const moved = track.segment;
    track.reset({ ...START, epoch: 'f', lastId: '3-0', entriesAdded: 3 });
    expect([track.cursor, track.epoch, track.generation]).toEqual(['0-0', 'f', generation + 1]);
    expect([segment, moved, track.segment]).toEqual(['e-0', 'e-7', 'f-0']);
    expect(track.isCaughtUp).toBe(false);
    for (const id of ['1-0', '2-0', '3-0']) expect(track.advance(entry(id))).toBe(0);
    expect(track.isCaughtUp).toBe(true);
  });

  it('a StreamTrack keeps its cursor when the server changes, and forgets the old server’s reports', () => {
    const track = new StreamTrack(START);
    track.advance(entry('7-0'));
    track.noteTip({ lastId: '20-0', entriesAdded: 20 });
    const { generation } = track;
    const previousEpoch = { epoch: 'e', upTo: '7-0' };
    track.move({ ...START, epoch: 'f', previousEpoch, lastId: '9-0', entriesAdded: 9 });
    expect([track.cursor, track.epoch, track.previousEpoch]).toEqual(['7-0', 'f', previousEpoch]);
    expect(track.generation).toBe(generation + 1);
    expect(track.isCaughtUp).toBe(false);
    expect(track.advance(entry('8-0')) + track.advance(entry('9-0'))).toBe(0);
    expect(track.isCaughtUp).toBe(true);
    // Entries 10 to 20 of the previous epoch do not count as lost. In the new epoch, 3 entries follow entry 9, and only 1 of
    // them was received.
    expect(track.noteTip({ lastId: '9-0', entriesAdded: 9 })).toBe(0);
    expect(track.advance(entry('30-0'))).toBe(0);
    expect(track.noteTip({ lastId: '30-0', entriesAdded: 12 })).toBe(2);
  });

  it('a StreamTrack reports a digest only if it has read the entry at its cursor', () => {
    const track = new StreamTrack(START);
    expect(track.progress).not.toHaveProperty('digest');
    track.advance(entry('7-0'));
    expect(track.progress.digest).toMatch(/^[0-9a-f]{40}$/);
    track.reset({ ...START, epoch: 'f' });
    expect(track.progress).not.toHaveProperty('digest');
  });

  it('a StreamTrack finds a loss from a report 500 entries ago, but not 2,000 entries ago', () => {
    const track = new StreamTrack(START);
    for (let n = 1; n <= 3000; n++) if (n !== 500) track.advance(entry(`${n}-0`));
    expect(track.noteTip(tip(1000))).toBe(0);
    expect(track.noteTip(tip(2500))).toBe(1);
    expect(compareEntryIds(present(track.cursor), '3000-0')).toBe(0);
  });
});

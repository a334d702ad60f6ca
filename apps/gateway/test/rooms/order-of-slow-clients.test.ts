// The order of the events of all rooms of a client that reads too slowly, in random runs.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { at } from '../support/replay-world.js';
import { ana, openSlowClient } from '../support/slow-client.js';

it('every event of all rooms is sent once and in order, however slowly the client reads', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('deliver'), room: fc.constantFrom('a', 'b') }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('read') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('slow') }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { rooms, connection, log, groups, deliver, read } = openSlowClient();
      for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
      const sent: string[] = [];
      const actions: Promise<string>[] = [];
      for (const { kind, ...more } of steps) {
        if (kind === 'read') await read();
        if (kind === 'slow') actions.push(rooms.fallBehind(connection));
        if (!('room' in more)) continue;
        sent.push(`${more.room}${sent.length}`);
        deliver(sent.at(-1) ?? '', more.room);
      }
      for (let round = 0; round < 100 && groups.size < 2; round += 1) await read();
      expect(new Set(await Promise.all(actions))).toEqual(new Set(actions.length === 0 ? [] : ['keep']));
      expect(log).toEqual(sent);
    }),
    { numRuns: 150 },
  );
});

it('no event overtakes an earlier one of another joined room, whatever a slow client joins, leaves, loses and is told meanwhile', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('deliver a', 'deliver b', 'deliver c') },
    { weight: 3, arbitrary: fc.constant('read') },
    { weight: 3, arbitrary: fc.constant('slow') },
    { weight: 3, arbitrary: fc.constantFrom('join c', 'resume c', 'leave c', 'resume b', 'leave b') },
    { weight: 1, arbitrary: fc.constant('lose') },
    { weight: 6, arbitrary: fc.constantFrom('typing', 'quiet', 'slow at the next indicator') },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { rooms, connection, log, groups, hooks, setTyping, deliver, findLoss, read } = openSlowClient();
      rooms.begin(connection);
      /** Joined room → the numbers of its events that were not sent yet. */
      const due = new Map<string, number[]>();
      const left = new Map<string, number>();
      let [number, checked] = [0, 0];
      /** Number of the newest event when the last loss was found. */
      let lostUpTo = -1;
      /** Index of a notice in the log → number of the newest event when the notice was sent. The client reloads the room after it. */
      const noticed = new Map<number, number>();
      hooks.onLine = (line) => {
        if (line.startsWith('gap ')) noticed.set(log.length - 1, number);
      };
      const actions: Promise<string>[] = [];
      const publish = (room: string): void => {
        number += 1;
        due.get(room)?.push(number);
        deliver(`${room}${number}`, room);
      };
      const check = (): void => {
        for (; checked < log.length; checked += 1) {
          const reloadedUpTo = noticed.get(checked);
          const reloaded = log[checked]?.slice('gap '.length) ?? '';
          if (reloadedUpTo !== undefined)
            due.set(
              reloaded,
              (due.get(reloaded) ?? []).filter((each) => each > reloadedUpTo),
            );
          const [, room = '', sent] = /^([abc])(\d+)$/.exec(log[checked] ?? '') ?? [];
          const unsent = due.get(room);
          if (unsent === undefined) continue;
          expect(unsent.shift()).toBe(Number(sent));
          for (const [first = Infinity] of due.values()) expect(first).toBeGreaterThan(Number(sent));
        }
      };
      const join = async (room: string, after?: number): Promise<void> => {
        check();
        due.delete(room);
        const joining = rooms.join(connection, room, after === undefined ? undefined : at(`${after}-0`));
        if (after !== undefined) for (const each of [room, 'a', room]) publish(each);
        const answer = { isHere: false };
        void joining.finally(() => {
          answer.isHere = true;
        });
        await new Promise((resolve) => void setImmediate(resolve));
        // A slice of missed events ends early if its time is over. The next one waits for the client.
        while (!answer.isHere) await read();
        expect((await joining).recovered).toBe(after !== undefined && after > lostUpTo);
        check();
        due.set(room, []);
      };
      for (const room of ['a', 'b']) await join(room);
      for (const each of steps) {
        const [verb, room = ''] = each.split(' ');
        if (verb === 'deliver') publish(room);
        else if (verb === 'read') await read();
        else if (each === 'slow') actions.push(rooms.fallBehind(connection));
        else if (verb === 'lose') {
          lostUpTo = number;
          findLoss();
        } else if (verb === 'join') await join(room);
        else if (verb === 'resume') await join(room, left.get(room) ?? number);
        else if (verb === 'leave') {
          check();
          rooms.leave(connection, room);
          left.set(room, number);
          due.delete(room);
        } else if (verb === 'slow')
          hooks.onSend = () => {
            hooks.onSend = undefined;
            actions.push(rooms.fallBehind(connection));
          };
        else setTyping(verb === 'typing' ? [ana] : []);
        check();
      }
      hooks.onSend = undefined;
      const outcome: { ends?: readonly string[] } = {};
      void Promise.all(actions).then((all) => {
        outcome.ends = all;
      });
      for (let round = 0; round < 200 && outcome.ends === undefined; round += 1) await read();
      check();
      expect([...due.values()].flat()).toEqual([]);
      expect(outcome.ends).toEqual(actions.map(() => 'keep'));
      expect(groups.size).toBe(due.size);
    }),
    {
      numRuns: 150,
      examples: [[['slow', 'typing', 'slow at the next indicator', 'read', 'deliver a', 'deliver b']]],
    },
  );
});

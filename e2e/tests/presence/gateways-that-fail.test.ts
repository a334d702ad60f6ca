// Presence over several gateways while gateways die, stall or lose their connections. Every state that a client was told is judged. The
// tests damage the same system one after the other.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PresenceTrial } from '../../fixtures/systems/presence-trial.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

/**
 * Shorter than the default, because some tests wait until it is over. Long enough for dozens of users who reconnect on a busy
 * machine.
 */
const graceMs = 5_000;
const size = { users: 45, rooms: 5, gateways: 3, graceMs };

const system = sharedSystem(() => PresenceTrial.start(size));

test('clients whose connections are cut repeatedly, and who change gateways, always stay in the room for the others', async () => {
  const trial = system();
  await trial.atRest([0, 1, 2]);
  expect(trial.differences([0, 1, 2])).toEqual([]);
  const fromMs = performance.now();
  for (let round = 0; round < 5; round += 1) {
    await trial.cutUsers((_, index) => index % 5 === round);
    await trial.moveUsers(round % 3, (_, index) => index % 4 === 0);
  }
  await pause(graceMs + 500);
  await trial.atRest([0, 1, 2]);
  expect(trial.flickers([0, 1, 2], fromMs)).toEqual([]);
  expect(trial.differences([0, 1, 2])).toEqual([]);
});

test('a gateway that stalls for less than the grace changes nothing for watchers', async () => {
  const trial = system();
  const stoppedAtMs = performance.now();
  trial.process(0).kill('SIGSTOP');
  await pause(graceMs / 2);
  trial.process(0).kill('SIGCONT');
  await pause(graceMs / 2);
  await trial.atRest([0, 1, 2]);
  expect(trial.flickers([0, 1, 2], stoppedAtMs)).toEqual([]);
});

test('a gateway that stalls for longer than the grace brings nobody back when it continues', async () => {
  const trial = system();
  const stoppedAtMs = performance.now();
  trial.process(0).kill('SIGSTOP');
  trial.row.get('gateway-1').mayLogErrors = true;
  const gone = trial.abandon(({ gateway }, index) => gateway === 0 && index % 2 === 0);
  // The clients notice that the gateway does not answer. Some return to another gateway, the others are gone.
  trial.watchers[0]?.cut();
  for (const { client } of gone) client.cut();
  await trial.moveUsers(0);
  await trial.atRest([1, 2]);
  const restAtMs = performance.now();
  expect(performance.now() - stoppedAtMs).toBeGreaterThan(graceMs);
  trial.process(0).kill('SIGCONT');
  await trial.row.get('gateway-1').line(/stopped for longer than the grace/);
  // Longer than the gateway needs to write its members under a new lease, and to remove them if they were ghosts.
  await pause(graceMs + 1_000);
  expect(trial.flickers([1, 2], stoppedAtMs)).toEqual([]);
  expect(trial.ghosts([1, 2], gone, restAtMs)).toEqual([]);
  expect(trial.differences([1, 2])).toEqual([]);
  for (const room of trial.rooms) expect(trial.watchers[1]?.users(room)).not.toContain('watcher-0');
});

test('users of a killed gateway who return within the grace do not flicker, and the others leave no ghost', async () => {
  const trial = system();
  await trial.reopenWatcher(0);
  await trial.atRest([0, 1, 2]);
  const killedAtMs = performance.now();
  trial.row.get('gateway-2').mayLogErrors = true;
  await trial.row.get('gateway-2').stop('SIGKILL');
  const gone = trial.abandon(({ gateway }, index) => gateway === 1 && index % 2 === 0);
  await trial.moveUsers(1);
  await trial.atRest([0, 2]);
  const restAtMs = performance.now();
  expect(trial.flickers([0, 2], killedAtMs)).toEqual([]);
  expect(trial.ghosts([0, 2], gone, restAtMs)).toEqual([]);
  expect(trial.differences([0, 2])).toEqual([]);
});

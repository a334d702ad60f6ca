// 2,000 users in 200 rooms on three gateways with the default grace of 10 s. The test kills, stops and cuts off one gateway
// after the other. It judges times, so it needs a machine that does nothing else. Runs in `npm run nightly`.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PresenceTrial } from '../fixtures/systems/presence-trial.js';

const graceMs = 10_000;
/** Maximum time from a fault until nobody is shown who left with it. */
const maxShownMs = graceMs + 3_000;

test('2,000 users in 200 rooms never flicker within the grace and leave no ghost after it', async () => {
  await using trial = await PresenceTrial.start({ users: 2_000, rooms: 200, gateways: 3 });
  await trial.atRest([0, 1, 2]);
  expect(trial.differences([0, 1, 2])).toEqual([]);
  for (const name of trial.row.names) trial.row.get(name).mayLogErrors = true;

  const cutAtMs = performance.now();
  for (let round = 0; round < 4; round += 1) await trial.cutUsers((_, index) => index % 4 === round);
  await trial.atRest([0, 1, 2]);
  expect(trial.flickers([0, 1, 2], cutAtMs)).toEqual([]);

  const stoppedAtMs = performance.now();
  trial.process(2).kill('SIGSTOP');
  const lost = trial.abandon(({ gateway }, index) => gateway === 2 && index % 10 === 0);
  for (const { client } of lost) client.cut();
  trial.watchers[2]?.cut();
  await trial.moveUsers(2);
  await trial.atRest([0, 1], 30_000);
  expect(trial.flickers([0, 1], stoppedAtMs)).toEqual([]);
  trial.process(2).kill('SIGCONT');
  await trial.row.get('gateway-3').line(/stopped for longer than the grace/);
  await pause(graceMs + 3_000);
  expect(trial.ghosts([0, 1], lost, stoppedAtMs + maxShownMs)).toEqual([]);
  expect(trial.flickers([0, 1], stoppedAtMs)).toEqual([]);
  expect(trial.differences([0, 1])).toEqual([]);

  const killedAtMs = performance.now();
  await trial.row.get('gateway-1').stop('SIGKILL');
  const gone = trial.abandon(({ gateway }, index) => gateway === 0 && index % 10 === 0);
  await trial.moveUsers(0);
  await pause(Math.max(0, killedAtMs + maxShownMs - performance.now()));
  await trial.atRest([1], 30_000);
  expect(trial.flickers([1], killedAtMs)).toEqual([]);
  expect(trial.ghosts([1], gone, killedAtMs + maxShownMs)).toEqual([]);
}, 600_000);

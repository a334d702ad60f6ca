// The default grace. All other tests of presence set a shorter one.
import { expect, test } from 'vitest';
import { PresenceClient } from '../../fixtures/clients/presence-client.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';

test('a user whose connection was lost is shown for the default grace of ten seconds and is gone three seconds later', async () => {
  await using gateway = await GatewayProcess.start();
  await using watcher = await PresenceClient.connect(gateway.url, 'watcher');
  await watcher.watch('r');
  await using ana = await PresenceClient.connect(gateway.url, 'ana');
  await ana.join('r');
  await watcher.untilUsers('r', ['ana', 'watcher']);
  const cutAtMs = performance.now();
  ana.cut();
  const { atMs } = await watcher.untilUsers('r', ['watcher']);
  expect(atMs - cutAtMs).toBeGreaterThan(9_900);
  expect(atMs - cutAtMs).toBeLessThan(13_000);
});

// Publishers are killed while their coalescing windows contain read receipts. The gateways lose their connections to Redis
// meanwhile. The oracle judges all events of the load except receipts. This test compares the received receipts with the
// accepted ones.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CliProcess } from '../fixtures/processes/cli-process.js';
import { sharedSystem } from '../fixtures/systems/shared-system.js';
import { eventually } from '../fixtures/waiting/eventually.js';
import { expectNoReload } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

const system = sharedSystem(() => FaultSystem.start());

const program = fileURLToPath(new URL('../fixtures/processes/typing-publisher.mjs', import.meta.url));
const roomId = 'room-0';
const [rounds, processes, receipts] = [3, 3, 30] as const;

/**
 * Runs publishers that share their coalescing windows, and kills each after its last receipt was accepted. Returns the
 * message IDs of the accepted receipts.
 */
async function killPublishers({ redis, seats }: FaultSystem, userId: string): Promise<readonly string[]> {
  const plan = JSON.stringify({ roomId, userId, receipts, diesAtEnd: true });
  const started = Array.from(
    { length: processes },
    () => new CliProcess({ file: process.execPath, args: [program, redis.url, plan] }),
  );
  for (const { redisWire } of seats) {
    await redisWire.nextData('replies');
    redisWire.cut();
  }
  for (const publisher of started) expect(await publisher.exit()).toBeNull();
  return started.flatMap(({ lines }) =>
    lines.flatMap((line) => /^accepted ([0-9a-f-]{36})$/.exec(line)?.[1] ?? []),
  );
}

test('each receipt in the windows of killed publishers reaches every member once, and counts are exact', async () => {
  const accepted: string[] = [];
  const trial = await system().try(async (target) => {
    for (let round = 0; round < rounds; round += 1)
      accepted.push(...(await killPublishers(target, randomUUID())));
  });
  expectNoReload(trial);
  expect(accepted).toHaveLength(rounds * processes * receipts);
  const members = system().clients.filter((client) => client.roomId === roomId);
  expect(members).toHaveLength(4);
  for (const client of members) {
    await eventually(() => expect(client.receipts.inputs).toBe(accepted.length));
    expect(client.receipts.messageIds.toSorted()).toEqual(accepted.toSorted());
  }
});

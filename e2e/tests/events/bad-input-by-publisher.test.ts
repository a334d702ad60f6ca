// Invalid input to the publisher. It throws a typed error that names the fault and its path, and publishes nothing.
import { randomUUID } from 'node:crypto';
import { ContractError } from '@millrace/contract';
import { expect, test } from 'vitest';
import { type BadEvent, badEvents, canary } from '../../fixtures/events/bad-events.js';
import { notification } from '../../fixtures/events/sample-events.js';
import type { TestPublisher } from '../../fixtures/systems/delivery-system.js';
import { securedRoom, sharedSecuredSystem } from '../../fixtures/systems/secured-system.js';

const bad = badEvents(securedRoom).map(({ what, path, event }) => [what, path, event] as const);
const system = sharedSecuredSystem();

// Metadata is left out, because `publish()` does not take it as a field.
const publishable = bad.filter(([, path]) => !path.startsWith('/metadata'));

test.each(publishable)(
  'publish() refuses an event with %s, and the ContractError names %s',
  async (_, path, event) => {
    assertContractError(await errorOf(publishUntyped(event)), path);
  },
);

test.each(bad)(
  'publishEvents() refuses an event with %s, and the ContractError names %s',
  async (_, path, event) => {
    const list: readonly unknown[] = [notification(securedRoom, 'never sent'), event];
    // Only a caller without types can pass such a list.
    const events = list as Parameters<TestPublisher['publishEvents']>[0];
    assertContractError(await errorOf(system().publisher.publishEvents(events)), path);
  },
);

test('publish() refuses a payload that cannot be written as JSON with a ContractError', async () => {
  const circular: Record<string, unknown> = { type: 'info', title: 'circle' };
  circular['self'] = circular;
  const payload = circular as { type: string; title: string };
  await expect(system().publisher.publish('notification', securedRoom, payload)).rejects.toBeInstanceOf(
    ContractError,
  );
});

test('a payload of 500,000 characters is either delivered or refused by publish()', async () => {
  const eventId = randomUUID();
  const payload = { type: 'info', title: 'x'.repeat(500_000) };
  const refused = await errorOf(
    system().publisher.publish('notification', securedRoom, payload, { eventId }),
  );
  if (refused !== undefined) assertContractError(refused, '/payload', 'event_too_large');
  else await system().client.event((delivered) => delivered.event_id === eventId);
});

/** Publishes an event that the types forbid, as a caller in JavaScript can. */
async function publishUntyped(event: BadEvent['event']): Promise<unknown> {
  type Arguments = Parameters<(typeof publisher)['publish']>;
  const { publisher } = system();
  const options = { eventId: event['event_id'], timestamp: event['timestamp'] };
  return publisher.publish(
    ...([event['event_type'], event['room_id'], event['payload'], options] as Arguments),
  );
}

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function assertContractError(refused: unknown, path: string, expectedCode = 'invalid_event'): void {
  expect(refused).toBeInstanceOf(ContractError);
  const { code, issues, message } = refused as ContractError;
  expect(code).toBe(path === '/event_type' ? 'unknown_event_type' : expectedCode);
  expect(issues.map((issue) => issue.path)).toContain(path);
  expect(message).toContain(path);
  expect(message).not.toContain(canary);
}

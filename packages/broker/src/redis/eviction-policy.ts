// The policy of Redis for full memory, by INFO.
import { BrokerError } from '../errors.js';
import { asText } from './calls/replies.js';
import type { CommandRouter } from './routing/command-router.js';

/** See `Broker.evictionPolicy`. @param keys one on each server that is asked */
export async function readEvictionPolicy(
  router: CommandRouter,
  keys: readonly string[],
): Promise<string | undefined> {
  try {
    const replies = await Promise.all(keys.map((key) => router.command(key, ['INFO', 'memory'])));
    const policies = replies.map((text) => /^maxmemory_policy:(\S+)/m.exec(asText(text))?.[1]);
    // The first node of a cluster that evicts speaks for all.
    return policies.find((policy) => policy !== undefined && policy !== 'noeviction') ?? policies[0];
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'refused') return undefined;
    throw error;
  }
}

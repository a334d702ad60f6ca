// Reads the settings of Redis that decide whether it keeps what it has stored, from INFO and CONFIG GET.
import { isRefusal } from '../errors.js';
import type { StoreSettings } from '../port/broker.js';
import { asArray, asText } from './calls/replies.js';
import type { CommandRouter } from './routing/command-router.js';

/**
 * Returns the settings. See `Broker.storeSettings`.
 * @param keys one key for each server that is asked
 */
export async function readStoreSettings(
  router: CommandRouter,
  keys: readonly string[],
): Promise<StoreSettings> {
  const all = await Promise.all(keys.map((key) => readFrom(router, key)));
  const policies = all.map(({ evictionPolicy }) => evictionPolicy);
  const persistences = all.map(({ isPersistent }) => isPersistent);
  const isUnknown = persistences.includes(undefined);
  return {
    // In a cluster, the policy comes from the first node that evicts keys, if there is one.
    evictionPolicy: policies.find((policy) => policy !== undefined && policy !== 'noeviction') ?? policies[0],
    // A cluster is persistent only if every node is.
    isPersistent: persistences.includes(false) ? false : isUnknown ? undefined : true,
  };
}

async function readFrom(router: CommandRouter, key: string): Promise<StoreSettings> {
  const info = asText((await ask(router, key, ['INFO', 'memory', 'persistence'])) ?? '');
  const [, evictionPolicy] = /^maxmemory_policy:(\S+)/m.exec(info) ?? [];
  const [, aof] = /^aof_enabled:(\d)/m.exec(info) ?? [];
  if (aof === '1') return { evictionPolicy, isPersistent: true };
  // INFO does not tell whether snapshots are configured.
  const save = asArray(await ask(router, key, ['CONFIG', 'GET', 'save']))[1];
  const hasSnapshots = typeof save === 'string' ? save !== '' : undefined;
  return {
    evictionPolicy,
    isPersistent: aof === undefined && hasSnapshots !== true ? undefined : hasSnapshots,
  };
}

/** Returns the reply; `null` if the user may not send the command. */
async function ask(router: CommandRouter, key: string, command: readonly string[]): Promise<unknown> {
  try {
    return await router.command(key, command);
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

// Reads from INFO and CONFIG GET whether Redis keeps what it has stored, and whether it accepts writes now.
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
    refusesWritesFor: all.map(({ refusesWritesFor }) => refusesWritesFor).find(isGiven),
  };
}

async function readFrom(router: CommandRouter, key: string): Promise<StoreSettings> {
  const info = asText((await ask(router, key, ['INFO', 'memory', 'persistence'])) ?? '');
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const evictionPolicy = field('maxmemory_policy');
  const configured = async (name: string): Promise<unknown> =>
    asArray((await ask(router, key, ['CONFIG', 'GET', name])) ?? [])[1];
  const refusesWritesFor = await refusalOf(field, configured);
  const aof = field('aof_enabled');
  if (aof === '1') return { evictionPolicy, isPersistent: true, refusesWritesFor };
  // INFO does not tell whether snapshots are configured.
  const save = await configured('save');
  const hasSnapshots = typeof save === 'string' ? save !== '' : undefined;
  return {
    evictionPolicy,
    isPersistent: aof === undefined && hasSnapshots !== true ? undefined : hasSnapshots,
    refusesWritesFor,
  };
}

/** Returns the reason why Redis refuses writes (`OOM`, `MISCONF`), by the rules of Redis itself. */
async function refusalOf(
  field: (name: string) => string | undefined,
  configured: (name: string) => Promise<unknown>,
): Promise<StoreSettings['refusesWritesFor']> {
  const bytes = (name: string): number => Number(field(name) ?? 0);
  const usedBytes = bytes('used_memory') - bytes('mem_not_counted_for_evict');
  const evictsAll = field('maxmemory_policy')?.startsWith('allkeys') ?? false;
  if (bytes('maxmemory') > 0 && usedBytes > bytes('maxmemory') && !evictsAll) return 'memory';
  if (field('aof_enabled') === '1' && field('aof_last_write_status') === 'err') return 'disk';
  if (field('rdb_last_bgsave_status') !== 'err') return undefined;
  const stopsWrites =
    (await configured('stop-writes-on-bgsave-error')) === 'yes' && (await configured('save')) !== '';
  return stopsWrites ? 'disk' : undefined;
}

function isGiven<T>(value: T | undefined): value is T {
  return value !== undefined;
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

// One address may be one server or a node of a cluster: the server says which, once it is asked.
import type { RedisRouter } from './command-router.js';
import { SingleRouter } from './single-router.js';

/** Opens `router`, or, where its server is a node of a cluster, the one that `toCluster` makes instead. Rejects as `open` does. */
export async function openRouter(router: RedisRouter, toCluster: () => RedisRouter): Promise<RedisRouter> {
  await router.open();
  if (!(router instanceof SingleRouter) || !router.isClusterNode) return router;
  router.close();
  const cluster = toCluster();
  await cluster.open();
  return cluster;
}

// Finds out whether an address belongs to a single server or to a node of a cluster. Only the server itself knows that. The
// broker and `connectRedis` both use this router.
import type { EntryId } from '../../entries/entry-id.js';
import { brokerClosed } from '../../errors.js';
import type { BrokerState } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import type { ScriptCall } from '../calls/script-calls.js';
import { ClusterRouter } from '../cluster/cluster-router.js';
import type { RedisTarget } from '../connection/redis-target.js';
import { fixedServer, type ServerLocator } from '../connection/server-locator.js';
import { MasterLocator } from '../sentinel/master-locator.js';
import type { CommandRouter, RouterOptions } from './command-router.js';
import { SingleServerRouter } from './single-server-router.js';

/**
 * Treats several addresses as nodes of a cluster. Treats a single address, or the master of Sentinels, as a single server,
 * unless the server reports during `open` that it is a cluster node. A router whose `open` has failed cannot be used again.
 * Create another one.
 */
export class DetectingRouter implements CommandRouter {
  readonly #target: RedisTarget;
  readonly #options: RouterOptions;
  #router: CommandRouter;
  #neededKeys: readonly string[] = [];
  #isClosed = false;

  constructor(target: RedisTarget, options: RouterOptions) {
    this.#target = target;
    this.#options = options;
    this.#router = target.url.kind === 'cluster' ? this.#newClusterRouter() : this.#newSingleRouter();
  }

  get state(): BrokerState {
    return this.#router.state;
  }

  get isCluster(): boolean {
    return this.#router.isCluster;
  }

  async open(): Promise<void> {
    const router = this.#router;
    await router.open();
    if (!(router instanceof SingleServerRouter) || !router.isClusterNode) return;
    if (this.#isClosed) throw brokerClosed();
    // The router is replaced before it is closed, so that its state changes are not reported.
    this.#router = this.#newClusterRouter();
    router.close();
    await this.#router.open();
  }

  need(keys: readonly string[]): void {
    this.#neededKeys = keys;
    this.#router.need(keys);
  }

  command(key: string, args: readonly string[]): Promise<unknown> {
    return this.#router.command(key, args);
  }

  run<T>(call: ScriptCall<T>): Promise<T> {
    return this.#router.run(call);
  }

  read(cursors: ReadonlyMap<string, EntryId>, options: ReadOptions): Promise<Map<string, readonly Entry[]>> {
    return this.#router.read(cursors, options);
  }

  groups(streams: readonly string[]): readonly (readonly string[])[] {
    return this.#router.groups(streams);
  }

  leave(streams: readonly string[]): void {
    this.#router.leave(streams);
  }

  servers(): readonly ((args: readonly string[]) => Promise<unknown>)[] {
    return this.#router.servers();
  }

  closeReaders(): void {
    this.#router.closeReaders();
  }

  close(): void {
    this.#isClosed = true;
    this.#router.close();
  }

  #newSingleRouter(): CommandRouter {
    const router: CommandRouter = new SingleServerRouter(
      this.#newLocator(),
      this.#optionsOf(() => router),
    );
    return router;
  }

  #newLocator(): ServerLocator {
    const { url, endpointOf } = this.#target;
    if (url.kind === 'sentinels') return new MasterLocator(this.#target, this.#options.clock);
    return fixedServer(endpointOf(url.addresses[0] ?? ''));
  }

  #newClusterRouter(): CommandRouter {
    const router: CommandRouter = new ClusterRouter(
      this.#target,
      this.#optionsOf(() => router),
    );
    router.need(this.#neededKeys);
    return router;
  }

  /** Returns the options of one router. Their listener ignores a router that was replaced. */
  #optionsOf(itself: () => CommandRouter): RouterOptions {
    const onStateChange = (state: BrokerState, cause?: Error): void => {
      if (itself() === this.#router) this.#options.onStateChange(state, cause);
    };
    return { ...this.#options, onStateChange };
  }
}

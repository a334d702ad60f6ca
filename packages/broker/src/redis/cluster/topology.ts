// Keeps track of a cluster's nodes: which of them are needed, and whether all of these can be reached.
import { BrokerError } from '../../errors.js';
import { keySlot } from '../../partitions/key-slot.js';
import { asText } from '../calls/replies.js';
import type { Endpoint, RedisTarget } from '../connection/redis-target.js';
import type { NodeAddress } from '../connection/redis-url.js';
import type { RouterOptions } from '../routing/command-router.js';
import { ClusterNode } from './cluster-node.js';
import { parseClusterSlots, SlotMap } from './slot-map.js';

/** Maximum milliseconds to wait for the answer of one node. They are few, because another node can be asked. */
const ASK_TIMEOUT_MS = 1_000;

/**
 * The slot map, and the nodes that were used so far: the seeds, the masters, and each node that a redirection named. Each
 * `look` removes the nodes that are the master of no slot.
 */
export class Topology {
  readonly #target: RedisTarget;
  readonly #options: RouterOptions;
  readonly #nodes = new Map<NodeAddress, ClusterNode>();
  #map = new SlotMap();
  /** Slots of the needed keys. */
  #slots: ReadonlySet<number> = new Set();
  /** The promise of the running `look`, or of the last one. Never rejects. */
  #lookUnderWay: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;
  /** Nodes that the next `look` asks last. */
  #suspects = new Set<NodeAddress>();
  /** A node has reported that the cluster is down. False again when every needed master reports that it is up. */
  #isDown = false;

  constructor(target: RedisTarget, options: RouterOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** True if every needed slot has a master that can be reached, and no node reports the cluster as down. */
  get isWhole(): boolean {
    return !this.#isDown && [...this.#slots].every((slot) => this.#masterOf(slot)?.state === 'ready');
  }

  /** The masters of all slots. */
  get masters(): readonly NodeAddress[] {
    return this.#map.owners;
  }

  need(keys: readonly string[]): void {
    this.#slots = new Set(keys.map(keySlot));
  }

  /** @throws BrokerError `unavailable` when no node is known to serve the key's slot */
  ownerOf(key: string): NodeAddress {
    const owner = this.#map.ownerOf(keySlot(key));
    if (owner === undefined)
      throw new BrokerError('unavailable', 'No node of the cluster serves this slot', {
        nothingHappened: true,
      });
    return owner;
  }

  /** Returns the node with this address. Creates the node if it is not known. */
  nodeAt(address: NodeAddress): ClusterNode {
    const known = this.#nodes.get(address);
    if (known !== undefined) return known;
    const node = new ClusterNode(this.endpointOf(address), this.#options);
    this.#nodes.set(address, node);
    return node;
  }

  endpointOf(address: NodeAddress): Endpoint {
    return this.#target.endpointOf(address);
  }

  noteMoved(slot: number, address: NodeAddress): void {
    this.#map.assign(slot, slot, address);
  }

  noteDown(): void {
    this.#isDown = true;
  }

  /**
   * Requests the slot map from one node, removes the nodes that are the master of no slot, and begins to connect to the masters of
   * the needed slots. Only one `look` runs at a time. Calls during a `look` share the next one.
   * @param suspect a node that may not know that another node has replaced it. It is asked last
   * @throws BrokerError if no node answered: the failure of the node that was asked last
   */
  look(suspect?: NodeAddress): Promise<void> {
    if (suspect !== undefined) this.#suspects.add(suspect);
    this.#nextLook ??= this.#lookUnderWay.then(() => {
      this.#nextLook = undefined;
      const look = this.#lookOnce();
      this.#lookUnderWay = look.catch(() => {});
      return look;
    });
    return this.#nextLook;
  }

  async #lookOnce(): Promise<void> {
    const suspects = this.#suspects;
    this.#suspects = new Set();
    this.#map = await this.#askForMap(suspects);
    const masters = this.#masters();
    for (const [address, node] of this.#nodes) {
      // A master stays connected after its first use, because coalescing windows may be on any master.
      if (masters.has(address) || this.#map.hasOwner(address)) continue;
      this.#nodes.delete(address);
      node.close();
    }
    // The node's state shows the failure, and the next `look` tries again.
    for (const address of masters)
      this.nodeAt(address)
        .open()
        .catch(() => {});
    if (this.#isDown) this.#isDown = !(await this.#isUp());
  }

  /** Resolves when every needed master has been connected for the first time. */
  async connected(): Promise<void> {
    await Promise.all(Array.from(this.#masters(), (address) => this.nodeAt(address).open()));
  }

  close(): void {
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
  }

  /**
   * Connected nodes come first, in random order, and suspects last. A node that is cut off from the others may have an old
   * map. The random order keeps it from always coming first.
   */
  async #askForMap(suspects: ReadonlySet<NodeAddress>): Promise<SlotMap> {
    const ready = [...this.#nodes.values()].filter(({ state }) => state === 'ready');
    const known = [...shuffled(ready.map(({ address }) => address)), ...this.#target.url.addresses];
    const addresses = new Set([...known.filter((address) => !suspects.has(address)), ...suspects]);
    let failure = new BrokerError('unavailable', 'No node of the cluster answers');
    for (const address of addresses) {
      try {
        const node = this.nodeAt(address);
        await node.open();
        const reply = await node.connection.command(['CLUSTER', 'SLOTS'], {
          timeoutMs: this.#askTimeoutMs(),
        });
        return parseClusterSlots(reply, address);
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #isUp(): Promise<boolean> {
    const answers = await Promise.allSettled(
      Array.from(this.#masters(), async (address) => {
        const { connection } = this.nodeAt(address);
        return asText(await connection.command(['CLUSTER', 'INFO'], { timeoutMs: this.#askTimeoutMs() }));
      }),
    );
    return answers.every(
      (answer) => answer.status === 'fulfilled' && answer.value.includes('cluster_state:ok'),
    );
  }

  #masters(): ReadonlySet<NodeAddress> {
    return new Set([...this.#slots].flatMap((slot) => this.#map.ownerOf(slot) ?? []));
  }

  #masterOf(slot: number): ClusterNode | undefined {
    const owner = this.#map.ownerOf(slot);
    return owner === undefined ? undefined : this.#nodes.get(owner);
  }

  #askTimeoutMs(): number {
    return Math.min(ASK_TIMEOUT_MS, this.#options.commandTimeoutMs);
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

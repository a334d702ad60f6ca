// Everything on the nodes of a Redis Cluster: each command goes to the master of its key's slot, follows the slot when it moves,
// and finds the new master after a failover.
import { backOffDelayMs, pause } from '@millrace/internal';
import type { EntryId } from '../../entries/entry-id.js';
import { BrokerError, brokerClosed, toBrokerError } from '../../errors.js';
import type { BrokerState } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import { asStreams } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import { readCommand } from '../connection/blocking-reader.js';
import type { RedisConnection, SendOptions } from '../connection/redis-connection.js';
import type { NodeAddress, RedisUrl } from '../connection/redis-url.js';
import type { CommandRouter, RouterOptions } from '../routing/command-router.js';
import { type Reaction, reactionTo } from './redirection.js';
import { StreamReader } from './stream-reader.js';
import { Topology } from './topology.js';

/** Redirections followed for one command; in a healthy cluster one is enough. */
const MAX_REDIRECTIONS = 5;
/** How often the map is asked for while all is well: a master that hangs instead of ending is noticed by this only. */
const LOOK_INTERVAL_MS = 2_000;
/** Looks are never closer together than this, whatever happens. */
const MIN_LOOK_SPACING_MS = 50;
/** Longest wait between looks, and between attempts, while something is wrong. */
const MAX_WAIT_MS = 250;
/**
 * A reply that took this much longer than it should comes from a node that stood still. The cluster may have replaced the node
 * meanwhile without its noticing: its answer is then no part of the stream.
 */
const SLOW_REPLY_MS = 500;
/** Longest attempt to connect to a node: within it the cluster may have replaced it. */
const NODE_CONNECT_TIMEOUT_MS = 2_000;

/** Sends over one connection. */
type Send<T> = (connection: RedisConnection, options: SendOptions) => Promise<T>;

interface Target {
  readonly address: NodeAddress;
  readonly isAsking: boolean;
}

/**
 * State: `idle` → `connecting` → `ready` ⇄ `unavailable`, and from each of them → `closed`. `ready` while all masters of the needed
 * keys, and all readers that were opened, are connected. Otherwise it asks for the map again and again, spaced by back-off, until they
 * are; commands to the other nodes work meanwhile.
 */
export class ClusterRouter implements CommandRouter {
  readonly isCluster = true;
  readonly #options: RouterOptions;
  readonly #topology: Topology;
  /** One per stream that was ever read; bounded by the broker's streams. */
  readonly #readers = new Map<string, StreamReader>();
  readonly #closing = new AbortController();
  #state: BrokerState = 'idle';
  #haveReadersClosed = false;
  /** Cuts the wait for the next look short. */
  #hurry = new AbortController();

  constructor(url: RedisUrl, options: RouterOptions) {
    this.#options = {
      ...options,
      connectTimeoutMs: Math.min(options.connectTimeoutMs, NODE_CONNECT_TIMEOUT_MS),
      onStateChange: (state, cause) => this.#onNodeChange(state, cause),
    };
    this.#topology = new Topology(url, this.#options);
    this.#connectTimeoutMs = options.connectTimeoutMs;
    this.#onStateChange = options.onStateChange;
  }

  readonly #connectTimeoutMs: number;
  readonly #onStateChange: RouterOptions['onStateChange'];

  get state(): BrokerState {
    return this.#state;
  }

  async open(): Promise<void> {
    if (this.#state === 'closed') throw brokerClosed();
    if (this.#state !== 'idle') return;
    this.#change('connecting');
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + this.#connectTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      const failure = await this.#tryToOpen();
      if (this.#isClosed()) throw brokerClosed();
      if (failure === undefined) break;
      const waitMs = backOffDelayMs(attempt, { maxMs: MAX_WAIT_MS });
      if (failure.code === 'refused' || clock.monotonicMs() + waitMs >= endMs) {
        this.#change('idle', failure);
        throw failure;
      }
      await pause(clock, waitMs, this.#closing.signal);
    }
    this.#change('ready');
    void this.#keepLooking();
  }

  need(keys: readonly string[]): void {
    this.#topology.need(keys);
    this.#update();
    this.#lookSoon();
  }

  command(key: string, args: readonly string[]): Promise<unknown> {
    return this.#route(key, (connection, options) => connection.command(args, options));
  }

  run<T>(call: ScriptCall<T>): Promise<T> {
    const [key = ''] = call.keys;
    return this.#route(key, (connection, options) => connection.run(call, options));
  }

  /** Reads the streams of several groups in parallel until one of them has a new entry: fit for a single look, not for a tail. */
  async read(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<Map<string, readonly Entry[]>> {
    if (this.#isClosed() || this.#haveReadersClosed) throw brokerClosed();
    const [first] = cursors.keys();
    if (first !== undefined && cursors.size === 1) return this.#readStream(first, cursors, options);
    const found = await this.#readAll(cursors, { ...options, blockMs: 0 });
    if (found.size > 0 || options.blockMs === 0) return found;
    return this.#readAll(cursors, options);
  }

  groups(streams: readonly string[]): readonly (readonly string[])[] {
    return streams.map((stream) => [stream]);
  }

  closeReaders(): void {
    this.#haveReadersClosed = true;
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  close(): void {
    if (this.#isClosed()) return;
    this.#change('closed');
    this.#closing.abort();
    this.closeReaders();
    this.#topology.close();
  }

  // ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────

  async #route<T>(key: string, send: Send<T>): Promise<T> {
    if (this.#isClosed()) throw brokerClosed();
    const { clock, commandTimeoutMs } = this.#options;
    const endMs = clock.monotonicMs() + commandTimeoutMs;
    let target: Target = { address: this.#topology.ownerOf(key), isAsking: false };
    for (let attempt = 0; ; attempt++) {
      try {
        const startMs = clock.monotonicMs();
        const reply = await this.#sendTo(target, send, Math.max(1, endMs - startMs));
        if (!target.isAsking) await this.#checkOwner(key, target.address, startMs + SLOW_REPLY_MS);
        return reply;
      } catch (error) {
        const failure = this.#translate(error);
        const reaction = this.#note(failure, target.address);
        const waitMs = backOffDelayMs(attempt, { maxMs: MAX_WAIT_MS });
        const isOver = clock.monotonicMs() + waitMs >= endMs;
        if (isOver || !isWorthAnotherTry(reaction, attempt)) throw failure;
        // The first redirection is followed at once; two nodes that name each other are not asked in a hot loop.
        if (attempt > 0 || reaction.kind === 'again') await pause(clock, waitMs, this.#closing.signal);
        if (this.#isClosed()) throw brokerClosed();
        target =
          reaction.kind === 'ask'
            ? { address: reaction.address, isAsking: true }
            : { address: this.#topology.ownerOf(key), isAsking: false };
      }
    }
  }

  async #sendTo<T>({ address, isAsking }: Target, send: Send<T>, timeoutMs: number): Promise<T> {
    const node = this.#topology.nodeAt(address);
    // A node that a redirection named has no connection yet; one that lost it is not waited for.
    if (node.state === 'idle' || node.state === 'connecting') await node.open();
    return send(node.connection, { timeoutMs, isAsking });
  }

  /**
   * Asks for the map again after a reply that came after `dueMs`.
   * @throws BrokerError `unavailable` when another node has the key now: the outcome of a write is unknown
   */
  async #checkOwner(key: string, address: NodeAddress, dueMs: number): Promise<void> {
    if (this.#options.clock.monotonicMs() <= dueMs) return;
    await this.#topology.look(address);
    if (this.#topology.ownerOf(key) === address) return;
    this.#moveReaders();
    throw new BrokerError('unavailable', 'The node that answered had been replaced');
  }

  /** Notes what a failure shows about the cluster. */
  #note(failure: BrokerError, answeredBy: NodeAddress): Reaction {
    const reaction = reactionTo(failure, answeredBy);
    if (reaction.kind === 'moved') this.#topology.noteMoved(reaction.slot, reaction.address);
    if (reaction.kind === 'down') this.#topology.noteDown();
    if (reaction.kind === 'moved' || reaction.kind === 'down') {
      this.#update(failure);
      this.#lookSoon();
    }
    return reaction;
  }

  /** A node that is no longer needed was closed; for its callers that is a lost connection. */
  #translate(error: unknown): BrokerError {
    const failure = toBrokerError(error, 'unavailable');
    if (failure.code !== 'closed' || this.#isClosed()) return failure;
    return new BrokerError('unavailable', 'The node does not serve this slot any more', { cause: failure });
  }

  // ── Reads ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #readStream(
    stream: string,
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<Map<string, readonly Entry[]>> {
    for (let attempt = 0; ; attempt++) {
      const address = this.#topology.ownerOf(stream);
      try {
        const startMs = this.#options.clock.monotonicMs();
        const found = await this.#readerOf(stream).read(address, cursors, options);
        if (found.size > 0)
          await this.#checkOwner(stream, address, startMs + options.blockMs + SLOW_REPLY_MS);
        return found;
      } catch (error) {
        if (this.#haveReadersClosed) throw brokerClosed();
        const failure = this.#translate(error);
        const reaction = this.#note(failure, address);
        if (reaction.kind === 'ask') return this.#readAsking(reaction.address, cursors, options);
        if (reaction.kind !== 'moved' || attempt >= MAX_REDIRECTIONS) throw failure;
        await pause(this.#options.clock, backOffDelayMs(attempt, { maxMs: MAX_WAIT_MS }), options.signal);
      }
    }
  }

  /** The stream is at its new node, its slot not yet: that lasts a moment, in which it is asked without blocking. */
  async #readAsking(
    address: NodeAddress,
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<Map<string, readonly Entry[]>> {
    const { clock, commandTimeoutMs } = this.#options;
    const args = readCommand(cursors, { ...options, blockMs: 0 });
    const target = { address, isAsking: true };
    const found = asStreams(
      await this.#sendTo(target, (connection, how) => connection.command(args, how), commandTimeoutMs),
    );
    if (found.size === 0) await pause(clock, Math.min(options.blockMs, MIN_LOOK_SPACING_MS), options.signal);
    return found;
  }

  /** Waits until one stream has a new entry, then ends the other reads. */
  async #readAll(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<Map<string, readonly Entry[]>> {
    const enough = new AbortController();
    // Reads that do not block all answer at once.
    const signals = options.blockMs === 0 ? [] : [enough.signal];
    const signal = AbortSignal.any([...signals, ...(options.signal === undefined ? [] : [options.signal])]);
    const reads = Array.from(cursors, async ([stream, cursor]) => {
      const found = await this.#readStream(stream, new Map([[stream, cursor]]), { ...options, signal });
      if (found.size > 0) enough.abort();
      return found;
    });
    const results = await Promise.allSettled(reads);
    const found = new Map(
      results.flatMap((result) => (result.status === 'fulfilled' ? [...result.value] : [])),
    );
    const failure = results.find((result) => result.status === 'rejected');
    if (found.size === 0 && failure !== undefined) throw failure.reason;
    return found;
  }

  #readerOf(stream: string): StreamReader {
    const known = this.#readers.get(stream);
    if (known !== undefined) return known;
    const reader = new StreamReader(this.#topology, this.#options);
    this.#readers.set(stream, reader);
    return reader;
  }

  // ── The map and the state ─────────────────────────────────────────────────────────────────────────────────────

  /** Resolves to the failure; to `undefined` when every needed node is connected. */
  async #tryToOpen(): Promise<BrokerError | undefined> {
    try {
      await this.#topology.look();
      await this.#topology.connected();
    } catch (error) {
      return toBrokerError(error, 'unavailable');
    }
    return this.#topology.isWhole
      ? undefined
      : new BrokerError('unavailable', 'Not every slot of the cluster is served');
  }

  async #keepLooking(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; ) {
      this.#hurry = new AbortController();
      await pause(clock, MIN_LOOK_SPACING_MS, signal);
      if (this.#isWhole()) {
        attempt = 0;
        await pause(clock, LOOK_INTERVAL_MS, AbortSignal.any([signal, this.#hurry.signal]));
      } else {
        await pause(clock, backOffDelayMs(attempt++, { maxMs: MAX_WAIT_MS }), signal);
      }
      if (signal.aborted) return;
      // A look that fails is followed by the next; the state has its first cause already.
      await this.#topology.look().catch(() => {});
      this.#moveReaders();
      this.#update();
    }
  }

  #moveReaders(): void {
    for (const [stream, reader] of this.#readers) {
      try {
        reader.leaveUnless(this.#topology.ownerOf(stream));
      } catch {
        // No node serves the stream now: the reader stays where it is until one does.
      }
    }
  }

  #onNodeChange(state: BrokerState, cause?: Error): void {
    this.#update(cause);
    if (state === 'unavailable') this.#lookSoon();
  }

  #lookSoon(): void {
    this.#hurry.abort();
  }

  #isWhole(): boolean {
    if (!this.#topology.isWhole) return false;
    return [...this.#readers.values()].every(({ state }) => state !== 'unavailable');
  }

  #update(cause?: Error): void {
    if (this.#state !== 'ready' && this.#state !== 'unavailable') return;
    this.#change(this.#isWhole() ? 'ready' : 'unavailable', cause);
  }

  #change(state: BrokerState, cause?: Error): void {
    if (this.#state === state || this.#isClosed()) return;
    this.#state = state;
    this.#onStateChange(state, cause);
  }

  /** A function, because the answer changes between two questions. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function isWorthAnotherTry(reaction: Reaction, attempt: number): boolean {
  if (reaction.kind === 'again') return true;
  return (reaction.kind === 'moved' || reaction.kind === 'ask') && attempt < MAX_REDIRECTIONS;
}

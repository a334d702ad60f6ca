// Sends commands and reads to the nodes of a Redis Cluster. Each command goes to the master of its key's slot. The router follows a
// slot that moves, and finds the new master after a failover.
import { backOffDelayMs, pause } from '@millrace/internal';
import type { EntryId } from '../../entries/entry-id.js';
import { BrokerError, brokerClosed, toBrokerError } from '../../errors.js';
import type { BrokerState } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import { asStreams } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import { readCommand } from '../connection/blocking-reader.js';
import type { RedisConnection, SendOptions } from '../connection/redis-connection.js';
import type { RedisTarget } from '../connection/redis-target.js';
import type { NodeAddress } from '../connection/redis-url.js';
import type { CommandRouter, RouterOptions } from '../routing/command-router.js';
import { type Reaction, reactionTo } from './redirection.js';
import { StreamReader } from './stream-reader.js';
import { Topology } from './topology.js';

/** Maximum number of redirections for one command. One is enough in a healthy cluster. */
const MAX_REDIRECTIONS = 5;
/**
 * Milliseconds between two requests for the slot map while all nodes are connected. Only these requests detect a master that
 * hangs while its connection stays open.
 */
const LOOK_INTERVAL_MS = 2_000;
/** Minimum pause before each regular request for the slot map, in milliseconds. */
const MIN_LOOK_SPACING_MS = 50;
/**
 * Maximum wait in milliseconds while something is wrong, between requests for the slot map and between attempts of a command.
 */
const MAX_WAIT_MS = 250;
/**
 * Milliseconds after which a reply is late. The node of a late reply may have been paused and replaced without knowing it.
 * Its entries might then not be in the stream. Therefore the router checks whether the node is still the master.
 */
const SLOW_REPLY_MS = 500;
/**
 * Maximum milliseconds of one attempt to connect to a node. They are few, because the cluster may replace the node meanwhile.
 */
const NODE_CONNECT_TIMEOUT_MS = 2_000;

/** Sends a command or a script over one connection. */
type Send<T> = (connection: RedisConnection, options: SendOptions) => Promise<T>;

interface Target {
  readonly address: NodeAddress;
  readonly isAsking: boolean;
}

/**
 * States: `idle` → `connecting` → `ready` ⇄ `unavailable`. Each of them can change to `closed`. The state is `ready` while
 * the masters of all needed keys and all opened readers are connected. Otherwise the router requests the slot map repeatedly,
 * with back-off, until they are connected again. Commands to the other nodes still work.
 */
export class ClusterRouter implements CommandRouter {
  readonly isCluster = true;
  readonly #options: RouterOptions;
  readonly #topology: Topology;
  /** One reader for each stream that was read and not left since. */
  readonly #readers = new Map<string, StreamReader>();
  readonly #closing = new AbortController();
  #state: BrokerState = 'idle';
  #haveReadersClosed = false;
  /** Aborted in order to request the slot map at once, without waiting. */
  #hurry = new AbortController();

  constructor(target: RedisTarget, options: RouterOptions) {
    this.#options = {
      ...options,
      connectTimeoutMs: Math.min(options.connectTimeoutMs, NODE_CONNECT_TIMEOUT_MS),
      onStateChange: (state, cause) => this.#onNodeChange(state, cause),
    };
    this.#topology = new Topology(target, this.#options);
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

  /**
   * Reads one stream, or several streams in parallel until one of them has a new entry. To follow several streams continuously,
   * read each of them separately.
   */
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

  leave(streams: readonly string[]): void {
    for (const stream of streams) {
      this.#readers.get(stream)?.close();
      this.#readers.delete(stream);
    }
  }

  servers(): readonly ((args: readonly string[]) => Promise<unknown>)[] {
    const { commandTimeoutMs: limitMs } = this.#options;
    return this.#topology.masters.map((address) => {
      const target = { address, isAsking: false };
      return (args) => this.#sendTo(target, (connection, how) => connection.command(args, how), limitMs);
    });
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
        // The first redirection is followed at once. Later ones wait, because two nodes may redirect to each other endlessly.
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
    // Opens the connection of a node that a redirection has named for the first time. Does not wait for a node that has lost
    // its connection.
    if (node.state === 'idle' || node.state === 'connecting') await node.open();
    return send(node.connection, { timeoutMs, isAsking });
  }

  /**
   * Checks that the node at `address`, which has replied to a command for `key`, still owns the key. Requests the slot map
   * from another node first if the reply came after `dueMs`.
   * @throws BrokerError `unavailable` if another node has the key now. The outcome of a write is then unknown
   */
  async #checkOwner(key: string, address: NodeAddress, dueMs: number): Promise<void> {
    if (this.#options.clock.monotonicMs() <= dueMs) return;
    await this.#topology.look(address);
    if (this.#topology.ownerOf(key) === address) return;
    this.#moveReaders();
    throw new BrokerError('unavailable', 'The node that answered had been replaced');
  }

  /** Updates the slot map and the state after a failure. Returns what to do next. */
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

  /**
   * Converts an error to a `BrokerError`. The code is `unavailable` if the router closed the node because nothing needs it
   * any more.
   */
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

  /**
   * Reads from the node that a slot is being moved to. It has the stream already, but not the slot. This state is short, so
   * the read does not block.
   */
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
    // Reads that do not block answer at once. No signal is needed to end them.
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

  /** Tries to connect to every needed node. Resolves to the failure, or to `undefined` if all nodes are connected. */
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
      // The error is ignored, because the first cause of the state was reported and the next round tries again.
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
        // No node serves the stream now. The reader stays at its node until one does.
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

  /** TypeScript would assume without this function that the state stays the same between two comparisons. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function isWorthAnotherTry(reaction: Reaction, attempt: number): boolean {
  if (reaction.kind === 'again') return true;
  return (reaction.kind === 'moved' || reaction.kind === 'ask') && attempt < MAX_REDIRECTIONS;
}

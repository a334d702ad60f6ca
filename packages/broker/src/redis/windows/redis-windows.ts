// Coalescing windows on Redis. On a single server, each step is one script that also updates the index. On a cluster, the
// index may be on another node. It is then updated after the step, before the caller gets the result.
import { type Clock, OldestFirstMap } from '@millrace/internal';
import { checkCount, checkWindowInputs, checkWindowName, checkWindowSlot } from '../../arguments.js';
import { isRefusal } from '../../errors.js';
import {
  WINDOW_LIMITS,
  type WindowAddition,
  type WindowClaim,
  type WindowInput,
  type WindowName,
  type WindowStore,
} from '../../port/windows.js';
import type { ScriptCall } from '../calls/script-calls.js';
import type { RedisKeys } from '../keys.js';
import { RemoteEndings } from './remote-endings.js';
import {
  healIndexCall,
  healWindowCall,
  indexWindowCall,
  overdueWindowsCall,
  unindexWindowCall,
  type WindowLocation,
  windowAddCall,
  windowClaimCall,
  windowCommitCall,
  windowLocation,
  windowRenewCall,
} from './window-calls.js';

/** Dependencies of {@link RedisWindows}. */
export interface RedisWindowsDependencies {
  readonly keys: RedisKeys;
  run<T>(call: ScriptCall<T>): Promise<T>;
  command(key: string, args: readonly string[]): Promise<unknown>;
  /** True when windows and index may be on different servers. */
  isCluster(): boolean;
  /** Called after data that Millrace did not write was removed at this key. */
  onHealed(key: string): void;
  readonly clock: Clock;
}

/** Maximum number of remembered index entries. The window of a forgotten entry stays in the index until it is checked next. */
const MAX_INDEX_ENTRIES = 10_000;

/** A window's entry in the index, as this process last read or wrote it. Used only on a cluster. */
interface IndexEntry {
  readonly score: string;
  /** Monotonic time until which the waiting window is certainly the one in the index. */
  readonly holdsUntilMs: number;
}

/** The {@link WindowStore} on Redis. */
export class RedisWindows implements WindowStore {
  readonly #dependencies: RedisWindowsDependencies;
  readonly #indexEntries = new OldestFirstMap<string, IndexEntry>();
  /** Sends endings to windows on other servers than the entries that end their inputs. Unused on a single server. */
  readonly remoteEndings: RemoteEndings;

  constructor(dependencies: RedisWindowsDependencies) {
    this.#dependencies = dependencies;
    this.remoteEndings = new RemoteEndings(dependencies);
  }

  async add(
    name: WindowName,
    inputs: readonly WindowInput[],
    options: Parameters<WindowStore['add']>[2],
  ): Promise<WindowAddition> {
    const location = this.#location(name);
    checkWindowInputs(inputs);
    if (this.#dependencies.isCluster()) await this.remoteEndings.settled(location.window);
    const { windowMs } = options;
    const stream = this.#dependencies.keys.stream(options.stream);
    const addition = await this.#step(location, windowAddCall(location, inputs, { windowMs, stream }));
    // The process that opened the window may have died before it updated the index. Therefore every caller adds the window to
    // the index if it is missing there.
    if (this.#dependencies.isCluster()) await this.#index(location, addition);
    return addition;
  }

  async claim(name: WindowName, claim: Parameters<WindowStore['claim']>[1]): Promise<WindowClaim> {
    const location = this.#location(name);
    if (this.#dependencies.isCluster()) await this.remoteEndings.settled(location.window);
    const result = await this.#step(location, windowClaimCall(location, claim));
    if (result.status === 'idle') await this.#unindex(location);
    return result;
  }

  async renew(name: WindowName, token: string, leaseMs: number): Promise<boolean> {
    const location = this.#location(name);
    return this.#step(location, windowRenewCall(location, token, leaseMs));
  }

  async commit(name: WindowName, token: string): Promise<boolean> {
    const location = this.#location(name);
    const isCommitted = await this.#step(location, windowCommitCall(location, token));
    if (isCommitted) await this.#unindex(location);
    return isCommitted;
  }

  async overdue(
    slot: string,
    options: Parameters<WindowStore['overdue']>[1],
  ): Promise<readonly WindowName[]> {
    checkWindowSlot(slot);
    checkCount(options.count);
    const { keys } = this.#dependencies;
    const index = keys.windowIndex(slot);
    // Most searches find no window. A plain command shows that for a tenth of the cost of a script.
    if ((await this.#dependencies.command(index, ['EXISTS', index])) === 0) return [];
    const found = await this.#healing(index, healIndexCall(index), overdueWindowsCall(keys, slot, options));
    const names: WindowName[] = [];
    for (const { name, window, score } of found) {
      if (name === undefined) await this.#dropForeign({ window, index }, score);
      else names.push(name);
      if (name !== undefined && this.#dependencies.isCluster())
        this.#note(window, { score, holdsUntilMs: 0 });
    }
    return names;
  }

  /** Removes a member of the index that Millrace did not write. Every search would otherwise find it before any window. */
  async #dropForeign(location: Pick<WindowLocation, 'window' | 'index'>, score: string): Promise<void> {
    await this.#dependencies.run(unindexWindowCall(location, score));
    this.#dependencies.onHealed(location.index);
  }

  /** Runs one step on a window, as {@link RedisWindows.#healing} does. */
  async #step<T>(location: WindowLocation, call: ScriptCall<T>): Promise<T> {
    return this.#healing(location.window, healWindowCall(location), call);
  }

  /**
   * Runs one step. If the store refuses it or answers with an impossible time, removes data that Millrace did not write, and runs
   * the step once more, even if there was no such data: another process may have removed it first. This is safe, because a
   * refused step has changed nothing.
   */
  async #healing<T>(key: string, heal: ScriptCall<number>, step: ScriptCall<T>): Promise<T> {
    const dependencies = this.#dependencies;
    try {
      const result = await dependencies.run(step);
      if (!isStuck(result)) return result;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    if ((await dependencies.run(heal)) > 0) dependencies.onHealed(key);
    return dependencies.run(step);
  }

  #location(name: WindowName): WindowLocation {
    checkWindowName(name);
    return windowLocation(this.#dependencies.keys, name, this.#dependencies.isCluster());
  }

  async #index(location: WindowLocation, { isOpened, dueInMs }: WindowAddition): Promise<void> {
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (!isOpened && (this.#indexEntries.get(location.window)?.holdsUntilMs ?? 0) > nowMs) return;
    const { index } = location;
    const score = await this.#healing(index, healIndexCall(index), indexWindowCall(location, dueInMs));
    this.#note(location.window, { score, holdsUntilMs: nowMs + dueInMs });
  }

  #note(window: string, entry: IndexEntry): void {
    this.#indexEntries.set(window, entry);
    const oldest = this.#indexEntries.oldest();
    if (oldest !== undefined && this.#indexEntries.size > MAX_INDEX_ENTRIES)
      this.#indexEntries.delete(oldest[0]);
  }

  async #unindex(location: WindowLocation): Promise<void> {
    const entry = this.#indexEntries.get(location.window);
    if (entry === undefined) return;
    this.#indexEntries.delete(location.window);
    // The error is ignored, because the step has succeeded. A window that stays in the index only causes one more check.
    await this.#dependencies.run(unindexWindowCall(location, entry.score)).catch(() => {});
  }
}

/** True when the result contains an impossible waiting time: negative, or longer than any window or flush lasts. */
function isStuck(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false;
  const waitMs = 'inMs' in result ? result.inMs : 'dueInMs' in result ? result.dueInMs : 0;
  // Redis returns a number beyond 64 bits as a negative number.
  return typeof waitMs === 'number' && (waitMs > WINDOW_LIMITS.keptMs || waitMs < 0);
}

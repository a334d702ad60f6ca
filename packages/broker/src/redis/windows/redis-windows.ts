// Coalescing windows on Redis. On one server each step is one script that also keeps the index; on a cluster the index lies
// with another node, so it follows each step, before the caller is told.

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
import { windowIndexKey } from '../keys.js';
import { ApartEndings } from './remote-endings.js';
import {
  healIndexCall,
  healWindowCall,
  indexWindowCall,
  overdueWindowsCall,
  unindexWindowCall,
  type WindowPlace,
  windowAddCall,
  windowClaimCall,
  windowCommitCall,
  windowPlace,
  windowRenewCall,
} from './window-calls.js';

/** What the windows need of their broker. */
export interface RedisWindowsPorts {
  run<T>(call: ScriptCall<T>): Promise<T>;
  command(key: string, args: readonly string[]): Promise<unknown>;
  /** Whether windows and index may lie on different servers. */
  isCluster(): boolean;
  /** Something else stood at this key, or in it, and was removed. */
  onHealed(key: string): void;
  readonly clock: Clock;
}

/** Marks remembered; a forgotten one only leaves its window in the index until somebody has looked. */
const MAX_MARKS = 10_000;

/** On a cluster: what this process knows of a window's place in the index. */
interface Mark {
  readonly score: string;
  /** Until then the window that waits is surely the one that was indexed. */
  readonly holdsUntilMs: number;
}

/** See {@link WindowStore}. */
export class RedisWindows implements WindowStore {
  readonly #ports: RedisWindowsPorts;
  readonly #marks = new OldestFirstMap<string, Mark>();
  /** Endings by entries that were stored on other servers; unused where there is one server. */
  readonly apartEndings: ApartEndings;

  constructor(ports: RedisWindowsPorts) {
    this.#ports = ports;
    this.apartEndings = new ApartEndings(ports);
  }

  async add(
    name: WindowName,
    inputs: readonly WindowInput[],
    options: Parameters<WindowStore['add']>[2],
  ): Promise<WindowAddition> {
    const place = this.#place(name);
    checkWindowInputs(inputs);
    if (this.#ports.isCluster()) await this.apartEndings.settled(place.window);
    const addition = await this.#healing(place, () => this.#ports.run(windowAddCall(place, inputs, options)));
    // Who is told that an input was added may rely on its being found, whoever opened the window and died since.
    if (this.#ports.isCluster()) await this.#index(place, addition);
    return addition;
  }

  async claim(name: WindowName, claim: Parameters<WindowStore['claim']>[1]): Promise<WindowClaim> {
    const place = this.#place(name);
    if (this.#ports.isCluster()) await this.apartEndings.settled(place.window);
    const result = await this.#healing(place, () => this.#ports.run(windowClaimCall(place, claim)));
    if (result.status === 'idle') await this.#unindex(place);
    return result;
  }

  async renew(name: WindowName, token: string, leaseMs: number): Promise<boolean> {
    const place = this.#place(name);
    return this.#healing(place, () => this.#ports.run(windowRenewCall(place, token, leaseMs)));
  }

  async commit(name: WindowName, token: string): Promise<boolean> {
    const place = this.#place(name);
    const isCommitted = await this.#healing(place, () => this.#ports.run(windowCommitCall(place, token)));
    if (isCommitted) await this.#unindex(place);
    return isCommitted;
  }

  async overdue(
    slot: string,
    options: Parameters<WindowStore['overdue']>[1],
  ): Promise<readonly WindowName[]> {
    checkWindowSlot(slot);
    checkCount(options.count);
    const index = windowIndexKey(slot);
    const found = await this.#ports.run(overdueWindowsCall(slot, options)).catch(async (error: unknown) => {
      if (!isRefusal(error) || !(await this.#heal(index, healIndexCall(index)))) throw error;
      return [];
    });
    const names: WindowName[] = [];
    for (const { name, window, score } of found) {
      if (name === undefined) await this.#dropForeign({ window, index }, score);
      else names.push(name);
      if (name !== undefined && this.#ports.isCluster()) this.#note(window, { score, holdsUntilMs: 0 });
    }
    return names;
  }

  /** Left in the index, it would be found first each time, in the place of a window. */
  async #dropForeign(place: Pick<WindowPlace, 'window' | 'index'>, score: string): Promise<void> {
    await this.#ports.run(unindexWindowCall(place, score));
    this.#ports.onHealed(place.index);
  }

  /**
   * Does one step. Where something else stands at its keys the store refuses it, or names a time that cannot be: then that is
   * removed and the step is done again, once. A refused step has changed nothing.
   */
  async #healing<T>(place: WindowPlace, step: () => Promise<T>): Promise<T> {
    try {
      const result = await step();
      if (!isStuck(result) || !(await this.#heal(place.window, healWindowCall(place)))) return result;
    } catch (error) {
      if (!isRefusal(error) || !(await this.#heal(place.window, healWindowCall(place)))) throw error;
    }
    return step();
  }

  async #heal(key: string, call: ScriptCall<number>): Promise<boolean> {
    const removed = await this.#ports.run(call);
    if (removed > 0) this.#ports.onHealed(key);
    return removed > 0;
  }

  #place(name: WindowName): WindowPlace {
    checkWindowName(name);
    return windowPlace(name, this.#ports.isCluster());
  }

  async #index(place: WindowPlace, { isOpened, dueInMs }: WindowAddition): Promise<void> {
    const nowMs = this.#ports.clock.monotonicMs();
    if (!isOpened && (this.#marks.get(place.window)?.holdsUntilMs ?? 0) > nowMs) return;
    const score = await this.#ports.run(indexWindowCall(place, dueInMs)).catch(async (error: unknown) => {
      if (!isRefusal(error) || !(await this.#heal(place.index, healIndexCall(place.index)))) throw error;
      return this.#ports.run(indexWindowCall(place, dueInMs));
    });
    this.#note(place.window, { score, holdsUntilMs: nowMs + dueInMs });
  }

  #note(window: string, mark: Mark): void {
    this.#marks.set(window, mark);
    const oldest = this.#marks.oldest();
    if (oldest !== undefined && this.#marks.size > MAX_MARKS) this.#marks.delete(oldest[0]);
  }

  async #unindex(place: WindowPlace): Promise<void> {
    const mark = this.#marks.get(place.window);
    if (mark === undefined) return;
    this.#marks.delete(place.window);
    // A window that stays in the index is looked at once more; that must not undo the step itself.
    await this.#ports.run(unindexWindowCall(place, mark.score)).catch(() => {});
  }
}

/** True when the step waits for a time that no window and no flush has. */
function isStuck(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false;
  const waitMs = 'inMs' in result ? result.inMs : 'dueInMs' in result ? result.dueInMs : 0;
  // A number beyond 64 bits is answered as a negative one.
  return typeof waitMs === 'number' && (waitMs > WINDOW_LIMITS.keptMs || waitMs < 0);
}

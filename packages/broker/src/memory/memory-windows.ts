// Coalescing windows in memory, with the same guarantees as on Redis. Publishers share them by sharing one `MemoryWindows`
// object.
import { type Clock, OldestFirstMap } from '@millrace/internal';
import { checkWindowInputs, checkWindowName } from '../arguments.js';
import type { EntryId } from '../entries/entry-id.js';
import { BrokerError } from '../errors.js';
import {
  type WaitedEnding,
  type WaitedInput,
  WINDOW_LIMITS,
  type WindowAddition,
  type WindowClaim,
  type WindowEnding,
  type WindowInput,
  type WindowName,
  type WindowStore,
} from '../port/windows.js';

interface PendingInput {
  readonly text: string;
  readonly value: unknown;
  asOf: EntryId | undefined;
}

interface Pending {
  readonly dueAtMs: number;
  readonly inputs: Map<string, PendingInput>;
  /** Endings by key. Contains at most `maxEndings`. */
  readonly endings: Map<string, WaitedEnding>;
  bytes: number;
}

interface Flushing {
  readonly inputs: readonly WaitedInput[];
  readonly endings: readonly WaitedEnding[];
  readonly dueAtMs: number;
  readonly sinceMs: number;
  token: string;
  leaseEndMs: number;
}

interface State {
  readonly name: WindowName;
  pending: Pending | undefined;
  flushing: Flushing | undefined;
  forgetAtMs: number;
}

/** Maximum number of windows that are not idle. No further window can be opened. */
const MAX_STATES = 100_000;

/** Dependencies of {@link MemoryWindows}. @beta */
export interface MemoryWindowsDependencies {
  /** @throws BrokerError unless the broker is open */
  checkReady(): void;
  /** Returns the ID that an entry of the stream would get now, or `undefined` if this ID is not known. */
  nextId(stream: string): EntryId | undefined;
}

/** A {@link WindowStore} in memory. @beta */
export class MemoryWindows implements WindowStore {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #dependencies: MemoryWindowsDependencies;
  /**
   * States by window. The window without an input for the longest time comes first, so that an expired window is found at
   * once.
   */
  readonly #states = new OldestFirstMap<string, State>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, dependencies: MemoryWindowsDependencies) {
    this.#clock = clock;
    this.#dependencies = dependencies;
  }

  async add(
    name: WindowName,
    inputs: readonly WindowInput[],
    { windowMs, stream }: Parameters<WindowStore['add']>[2],
  ): Promise<WindowAddition> {
    checkWindowName(name);
    checkWindowInputs(inputs);
    const nowMs = this.#readyAtMs();
    const state = this.#touch(name, nowMs + WINDOW_LIMITS.keptMs);
    if (state === undefined) throw new BrokerError('overloaded', 'Too many coalescing windows are open');
    const isOpened = state.pending === undefined;
    state.pending ??= { dueAtMs: nowMs + windowMs, inputs: new Map(), endings: new Map(), bytes: 0 };
    const { pending } = state;
    const asOf = this.#dependencies.nextId(stream);
    const outcomes = inputs.map((input) => addTo(pending, input, asOf));
    return { isOpened, dueInMs: pending.dueAtMs - nowMs, outcomes };
  }

  /** Records that the entry `id` ends the inputs of `key`. Called in the step that appends the entry. */
  end({ window, key }: WindowEnding, id: EntryId): void {
    const pending = this.#states.get(nameOf(window))?.pending;
    if (pending === undefined) return;
    const { inputs, endings } = pending;
    if (endings.size >= WINDOW_LIMITS.maxEndings && !endings.has(key)) return;
    endings.set(key, { key, id, at: id });
    // All waiting inputs were added before the entry. Therefore an input without an `asOf` gets the ID of the entry.
    for (const input of inputs.values()) input.asOf ??= id;
  }

  async claim(
    name: WindowName,
    { token, leaseMs, isForced }: Parameters<WindowStore['claim']>[1],
  ): Promise<WindowClaim> {
    checkWindowName(name);
    const nowMs = this.#readyAtMs();
    const state = this.#states.get(nameOf(name));
    if (state === undefined) return { status: 'idle' };
    if (state.flushing === undefined) {
      const { pending } = state;
      if (pending === undefined) return { status: 'idle' };
      if (pending.dueAtMs > nowMs && !isForced) return { status: 'waiting', inMs: pending.dueAtMs - nowMs };
      state.flushing = freeze(pending, nowMs);
      state.pending = undefined;
    }
    const { flushing } = state;
    if (flushing.leaseEndMs > nowMs && flushing.token !== token)
      return { status: 'busy', inMs: flushing.leaseEndMs - nowMs };
    flushing.token = token;
    flushing.leaseEndMs = nowMs + leaseMs;
    const { inputs, endings, sinceMs } = flushing;
    return { status: 'claimed', inputs, endings, ageMs: nowMs - sinceMs };
  }

  async renew(name: WindowName, token: string, leaseMs: number): Promise<boolean> {
    checkWindowName(name);
    const nowMs = this.#readyAtMs();
    const flushing = this.#states.get(nameOf(name))?.flushing;
    if (flushing?.token !== token) return false;
    flushing.leaseEndMs = nowMs + leaseMs;
    return true;
  }

  async commit(name: WindowName, token: string): Promise<boolean> {
    checkWindowName(name);
    this.#dependencies.checkReady();
    const state = this.#states.get(nameOf(name));
    if (state?.flushing?.token !== token) return false;
    state.flushing = undefined;
    if (state.pending === undefined) this.#states.delete(nameOf(name));
    return true;
  }

  async overdue(
    slot: string,
    { graceMs, count }: Parameters<WindowStore['overdue']>[1],
  ): Promise<readonly WindowName[]> {
    const nowMs = this.#readyAtMs();
    const found: { readonly dueAtMs: number; readonly name: WindowName }[] = [];
    for (const { name, pending, flushing } of this.#states.values()) {
      const dueAtMs = Math.min(pending?.dueAtMs ?? Infinity, flushing?.dueAtMs ?? Infinity);
      if (name.slot === slot && dueAtMs + graceMs <= nowMs) found.push({ dueAtMs, name });
    }
    found.sort((a, b) => a.dueAtMs - b.dueAtMs);
    return found.slice(0, count).map(({ name }) => name);
  }

  /**
   * Returns the state of a window. Creates it if there is none, unless there are `MAX_STATES` windows. Returns `undefined`
   * then.
   */
  #touch(name: WindowName, forgetAtMs: number): State | undefined {
    this.#forgetOld();
    const key = nameOf(name);
    const known = this.#states.get(key);
    if (known === undefined && this.#states.size >= MAX_STATES) return undefined;
    const state = known ?? { name, pending: undefined, flushing: undefined, forgetAtMs };
    state.forgetAtMs = forgetAtMs;
    this.#states.set(key, state);
    return state;
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (let oldest = this.#states.oldest(); oldest !== undefined; oldest = this.#states.oldest()) {
      const [key, { forgetAtMs }] = oldest;
      if (forgetAtMs > nowMs) return;
      this.#states.delete(key);
    }
  }

  /** Returns the present time. @throws BrokerError unless the broker is open */
  #readyAtMs(): number {
    this.#dependencies.checkReady();
    return this.#clock.monotonicMs();
  }
}

function addTo(
  pending: Pending,
  { id, text, value }: WindowInput,
  asOf: EntryId | undefined,
): 'added' | 'repeat' | 'full' {
  if (pending.inputs.has(id)) return 'repeat';
  if (pending.inputs.size >= WINDOW_LIMITS.maxInputs || pending.bytes >= WINDOW_LIMITS.maxBytes)
    return 'full';
  pending.inputs.set(id, { text, value, asOf });
  pending.bytes += Buffer.byteLength(text);
  return 'added';
}

function freeze({ inputs, endings, dueAtMs }: Pending, nowMs: number): Flushing {
  return {
    inputs: Array.from(inputs.values(), ({ text, value, asOf }) =>
      asOf === undefined ? { text, value } : { text, value, asOf },
    ),
    endings: [...endings.values()],
    dueAtMs,
    sinceMs: nowMs,
    token: '',
    leaseEndMs: 0,
  };
}

// Different windows have different names, because a room ID contains no control characters.
function nameOf({ roomId, slot }: WindowName): string {
  return `${roomId}\u0000${slot}`;
}

// The port for coalescing windows that several processes share: events of a room wait here until their window ends. The
// store keeps them and says whose turn it is; what the texts mean and how they become one is the caller's business.

/** Names one window: a slot in a room. */
export interface WindowName {
  readonly roomId: string;
  /** 1 to 64 lower-case letters, digits, `_` or `-`. */
  readonly slot: string;
}

/** One text that waits. */
export interface WindowInput {
  /** Adding the same ID again while the window waits changes nothing. */
  readonly id: string;
  /** Any text without line feeds. */
  readonly text: string;
}

/** A note that outlasts windows: it is handed out with every claim until it is forgotten. */
export interface WindowEnding {
  /** One ending is kept per key: the one with the highest rank, of equal ones the latest. */
  readonly key: string;
  readonly rank: number;
  /** Any text without line feeds. */
  readonly text: string;
}

/** What became of inputs. */
export interface WindowAddition {
  /** Idle → Pending: the caller is to claim the window when it is due. */
  readonly isOpened: boolean;
  readonly dueInMs: number;
  /**
   * One per input. `full`: not taken, as every later one; a window that waits takes 1,024 inputs and about 256 KiB. Claim it and
   * add again.
   */
  readonly outcomes: readonly ('added' | 'repeat' | 'full')[];
}

/** Whose turn it is. */
export type WindowClaim =
  /** Nothing waits. */
  | { readonly status: 'idle' }
  /** The window is not due yet. */
  | { readonly status: 'waiting'; readonly inMs: number }
  /** Somebody else is flushing it, for so long at most. */
  | { readonly status: 'busy'; readonly inMs: number }
  /**
   * Pending → Flushing, or a flush taken over from somebody who did not finish: then everything is the same as it was
   * handed out the first time.
   */
  | {
      readonly status: 'claimed';
      /** In the order in which they were added. */
      readonly inputs: readonly string[];
      readonly endings: readonly string[];
      /** How long ago they were handed out for the first time. */
      readonly ageMs: number;
    };

/** Bounds of every window store. */
export const WINDOW_LIMITS = Object.freeze({
  /** Inputs of one window that waits. */
  maxInputs: 1_024,
  /** Size at which a window takes no more. */
  maxBytes: 262_144,
  /** Endings of one slot of one room; at the bound the older half is forgotten. */
  maxEndings: 256,
  /** What nobody has flushed for so long is given up: its time is over anyway. */
  keptMs: 600_000,
});

/**
 * Windows at `coalesce:{room}:{slot}`, by the state machine Idle → Pending → Flushing → Published. Each step is atomic.
 *
 * Guarantees: what was added is handed out by claims, in order, until a commit; a window that waits is handed out only
 * after the one before it was committed; of two callers one gets the claim. All times are the store's.
 */
export interface WindowStore {
  /** Adds to the window that waits, or opens one that lasts `windowMs` from now: later additions do not lengthen it. */
  add(name: WindowName, inputs: readonly WindowInput[], windowMs: number): Promise<WindowAddition>;

  /** Keeps an ending for `rememberMs` where a window waits or an earlier ending is kept; elsewhere there is nothing to end. */
  end(name: WindowName, ending: WindowEnding, rememberMs: number): Promise<void>;

  /**
   * Takes what is due, for `leaseMs`: who has not committed by then loses it to the next caller. `token` names the caller
   * and this flush, and is unique.
   * @param isForced takes the window although it is not due yet
   */
  claim(
    name: WindowName,
    claim: { readonly token: string; readonly leaseMs: number; readonly isForced: boolean },
  ): Promise<WindowClaim>;

  /** Keeps a claim for `leaseMs` from now. False when it was lost meanwhile. */
  renew(name: WindowName, token: string, leaseMs: number): Promise<boolean>;

  /**
   * Flushing → Published: forgets what was handed out.
   * @returns false when the claim was lost meanwhile; nothing was changed
   */
  commit(name: WindowName, token: string): Promise<boolean>;

  /** Windows of a slot that were due `graceMs` ago and were not committed: their owner may have died. Oldest first. */
  overdue(
    slot: string,
    options: { readonly graceMs: number; readonly count: number },
  ): Promise<readonly WindowName[]>;
}

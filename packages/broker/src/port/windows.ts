// The port for coalescing windows that several processes share: events of a room wait here until their window ends. The
// store keeps them and says whose turn it is; the meaning of the texts and how they are merged is the caller's business. An entry
// that ends inputs names them itself: `OutgoingEntry.ends`.
import type { EntryId } from '../entries/entry-id.js';

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
  /** The parsed input. A store in this process hands it out again instead of the text; other stores keep the text alone. */
  readonly value?: unknown;
}

/** Inputs that an entry ends: those of this key that wait in the window when the entry is appended. */
export interface WindowEnding {
  readonly window: WindowName;
  readonly key: string;
  /** When the entry was made, for processes of the first build, which compared times of producers. */
  readonly timestamp: string;
}

/** An input that is handed out. */
export interface WaitedInput {
  readonly text: string;
  /** See `WindowInput.value`. */
  readonly value?: unknown;
  /**
   * The ID that an entry of its stream would have had at that moment: what has a smaller ID came before the input. On a cluster
   * it is the time of the window's server. Left out: an older process added the input.
   */
  readonly asOf?: EntryId;
}

/** An ending that came while the inputs waited. */
export interface WaitedEnding {
  readonly key: string;
  /** ID of the entry that ended them. */
  readonly id: EntryId;
  /** Inputs of the key whose `asOf` is not larger came before it. */
  readonly at: EntryId;
}

/** The result of adding inputs. */
export interface WindowAddition {
  /** Idle → Pending: the caller is to claim the window when it is due. */
  readonly isOpened: boolean;
  readonly dueInMs: number;
  /**
   * One per input. `full`: not added, and neither is any later one; a waiting window holds 1,024 inputs and about 256 KiB. Claim it
   * and add again.
   */
  readonly outcomes: readonly ('added' | 'repeat' | 'full')[];
}

/** Whose turn it is. */
export type WindowClaim =
  /** Nothing waits. */
  | { readonly status: 'idle' }
  /** The window is not due yet. */
  | { readonly status: 'waiting'; readonly inMs: number }
  /** Another caller is flushing it, for so long at most. */
  | { readonly status: 'busy'; readonly inMs: number }
  /**
   * Pending → Flushing, or a flush taken over from a caller that did not finish: then everything is the same as it was
   * handed out the first time.
   */
  | {
      readonly status: 'claimed';
      /** In the order in which they were added. */
      readonly inputs: readonly WaitedInput[];
      readonly endings: readonly WaitedEnding[];
      /** How long ago they were handed out for the first time. */
      readonly ageMs: number;
    };

/** Bounds of every window store. */
export const WINDOW_LIMITS = Object.freeze({
  /** Inputs of one window that waits. */
  maxInputs: 1_024,
  /** Size at which a window accepts no more inputs. */
  maxBytes: 262_144,
  /** Keys that are ended in one window; beyond it the inputs are handed out as if nothing had ended them. */
  maxEndings: 256,
  /** A window that was not flushed for so long is dropped: its events are out of date anyway. */
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
  add(
    name: WindowName,
    inputs: readonly WindowInput[],
    options: {
      readonly windowMs: number;
      /** Key of the stream to which the window's event will be added; see `WaitedInput.asOf`. */
      readonly stream: string;
    },
  ): Promise<WindowAddition>;

  /**
   * Claims what is due, for `leaseMs`: a caller that has not committed by then loses it to the next one. `token` names the caller
   * and this flush, and is unique.
   * @param isForced claims the window although it is not due yet
   */
  claim(
    name: WindowName,
    claim: { readonly token: string; readonly leaseMs: number; readonly isForced: boolean },
  ): Promise<WindowClaim>;

  /** Keeps a claim for `leaseMs` from now. False when it was lost meanwhile. */
  renew(name: WindowName, token: string, leaseMs: number): Promise<boolean>;

  /**
   * Flushing → Published: forgets the inputs that were handed out.
   * @returns false when the claim was lost meanwhile; nothing was changed
   */
  commit(name: WindowName, token: string): Promise<boolean>;

  /** Windows of a slot that were due `graceMs` ago and were not committed: their owner may have died. Oldest first. */
  overdue(
    slot: string,
    options: { readonly graceMs: number; readonly count: number },
  ): Promise<readonly WindowName[]>;
}

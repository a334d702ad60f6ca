// The port for coalescing windows that several processes share. Events of a room wait in a window until it is due. The store
// keeps their texts and decides which process flushes the window. The callers know what the texts mean and how to merge them.
// The field `ends` of an `OutgoingEntry` names the inputs that the entry ends.
import type { EntryId } from '../entries/entry-id.js';

/** The name of a window: a slot in a room. @beta */
export interface WindowName {
  readonly roomId: string;
  /** Name of the slot: 1 to 64 characters of `a-z`, `0-9`, `_` and `-`, beginning with `a-z`. */
  readonly slot: string;
}

/** An input of a window: one text that waits until the window is flushed. @beta */
export interface WindowInput {
  /** ID of the input. The input is not added again if an input with the same ID already waits in the window. */
  readonly id: string;
  /** Any text without line feeds. */
  readonly text: string;
  /** The parsed text. A window store in this process returns it with the text. Other stores keep only the text. */
  readonly value?: unknown;
}

/**
 * Names the inputs that an entry ends: those of `key` that wait in `window` when the entry is appended. The process that
 * flushes the window drops them.
 * @beta
 */
export interface WindowEnding {
  readonly window: WindowName;
  readonly key: string;
  /** Time at which the producer made the entry. Only processes of the first build use it, to compare the times of producers. */
  readonly timestamp: string;
}

/** An input that a claim returns. @beta */
export interface WaitedInput {
  readonly text: string;
  /** See `WindowInput.value`. */
  readonly value?: unknown;
  /**
   * The ID that an entry of the window's stream would have got when the input was added. Entries with smaller IDs came before
   * the input. On a cluster, the clock of the window's server gives this ID. Left out if it is not known, for example because
   * a process of the first build added the input.
   */
  readonly asOf?: EntryId;
}

/** An ending that was recorded while inputs waited. @beta */
export interface WaitedEnding {
  readonly key: string;
  /** ID of the entry that ended the inputs. */
  readonly id: EntryId;
  /** Inputs of the key came before the ending unless their `asOf` is larger than this ID. */
  readonly at: EntryId;
}

/** The result of adding inputs. @beta */
export interface WindowAddition {
  /**
   * True if this call opened the window (Idle → Pending). On Redis, also true if the window has been overdue for more than a
   * second. The caller must then claim the window when it is due.
   */
  readonly isOpened: boolean;
  readonly dueInMs: number;
  /**
   * One outcome per input. `full` means that the window accepts no more inputs, because it contains 1,024 inputs or about 256
   * KiB. The caller must then claim the window, and add the inputs again.
   */
  readonly outcomes: readonly ('added' | 'repeat' | 'full')[];
}

/** The result of a claim. @beta */
export type WindowClaim =
  /** The window holds no inputs. */
  | { readonly status: 'idle' }
  /** The window is not due yet. */
  | { readonly status: 'waiting'; readonly inMs: number }
  /** Another caller is flushing the window. Its claim ends in `inMs` at the latest, unless it is renewed. */
  | { readonly status: 'busy'; readonly inMs: number }
  /**
   * The caller has the claim (Pending → Flushing). The claim may take over the flush of a caller that did not finish. The
   * inputs and endings are then the same as in the first claim of the flush.
   */
  | {
      readonly status: 'claimed';
      /** The inputs, in the order in which they were added. */
      readonly inputs: readonly WaitedInput[];
      readonly endings: readonly WaitedEnding[];
      /** Time since the inputs were returned for the first time, in milliseconds. */
      readonly ageMs: number;
    };

/** Limits of every window store. @beta */
export const WINDOW_LIMITS = Object.freeze({
  /** Maximum number of inputs of one waiting window. */
  maxInputs: 1_024,
  /** Total size of the inputs in bytes at which a window accepts no more of them. */
  maxBytes: 262_144,
  /** Maximum number of keys that are ended in one window. Inputs of further keys are returned as if no entry had ended them. */
  maxEndings: 256,
  /** Milliseconds after which a window that was not flushed is dropped. Its events are outdated then. */
  keptMs: 600_000,
});

/**
 * Coalescing windows. The key of a window is `coalesce:{room}:{slot}`, and its states are Idle → Pending → Flushing →
 * Published. Each step is atomic.
 *
 * Guarantees:
 * - Claims return inputs in the order in which they were added, until a commit.
 * - A window is returned only after the previous window of its slot was committed.
 * - Of several callers that claim a window, only one gets the claim.
 * - The clock of the store measures all times.
 * @beta
 */
export interface WindowStore {
  /**
   * Adds inputs to the waiting window. Opens one that lasts `windowMs` if there is none. Later additions do not extend this
   * time.
   */
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
   * Claims a window that is due, for `leaseMs`. A caller that does not commit within this time loses the claim to the next
   * caller. `token` identifies the caller and this flush, and must be unique. With `isForced`, the window is claimed before
   * it is due.
   */
  claim(
    name: WindowName,
    claim: { readonly token: string; readonly leaseMs: number; readonly isForced: boolean },
  ): Promise<WindowClaim>;

  /** Extends a claim to `leaseMs` from now. Resolves to false if the caller has lost the claim. */
  renew(name: WindowName, token: string, leaseMs: number): Promise<boolean>;

  /**
   * Ends a flush (Flushing → Published) and forgets the inputs that the claim returned.
   * @returns false if the caller has lost the claim. Nothing was changed then
   */
  commit(name: WindowName, token: string): Promise<boolean>;

  /**
   * Resolves to the windows of a slot that have been due for at least `graceMs` without a commit, the oldest first. The
   * processes that should flush them may have died.
   */
  overdue(
    slot: string,
    options: { readonly graceMs: number; readonly count: number },
  ): Promise<readonly WindowName[]>;
}

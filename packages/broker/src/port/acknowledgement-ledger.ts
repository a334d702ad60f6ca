// The part of the port that accounts for delivery: slots and leases divide the work, acknowledgement passes and trims do it.
import type { EntryId } from '../entries/entry-id.js';

/** Which slot an owner asks for. */
export interface SlotRequest {
  /** The owner gets this slot when it is free. */
  readonly preferred?: number;
  /**
   * Name under which the owner runs, the same over restarts; kept with the slot. A slot that was claimed under this name before
   * is taken over at once, held or not: the process that claimed it has ended.
   */
  readonly instance?: string;
  /**
   * The owner had a slot before. Then it takes over none, or two live processes of one name would take the slot from
   * each other for ever. @defaultValue false
   */
  readonly isRenewal?: boolean;
}

/** The owner's slot and all slots that are held, so that subscribers can divide the streams among them. */
export interface SlotClaim {
  readonly slot: number;
  /** Every slot held now, rising; contains `slot`. */
  readonly heldSlots: readonly number[];
}

/** Proof that a subscriber may account for a stream. A higher fence makes all lower ones void. */
export interface Lease {
  readonly stream: string;
  readonly owner: string;
  readonly fence: number;
}

/** The work of one acknowledgement pass. */
export interface LedgerPass {
  /** Name of the consumer that reads the new entries. */
  readonly consumer: string;
  /** At most this many entries are consumed, and as many acknowledged. */
  readonly count: number;
  /**
   * The lease owner's own cursor, newer than its last heartbeat. Left out: the registered one counts. The broker
   * believes it only while the owner is registered.
   */
  readonly cursor?: EntryId;
}

/** The result of one acknowledgement pass. `fenced`: the lease is no longer held; nothing was changed. */
export type LedgerPassResult =
  | { readonly status: 'fenced' }
  | {
      readonly status: 'done';
      /** Entries moved to Consumed by this pass. */
      readonly consumed: number;
      /** Entries moved to Acknowledged by this pass. */
      readonly acknowledged: number;
      /** Subscribers that were declared dead by this pass. */
      readonly declaredDead: readonly string[];
    };

/** The result of one trim. `fenced`: the lease is no longer held; nothing was changed. */
export type TrimResult =
  | { readonly status: 'fenced' }
  | {
      readonly status: 'trimmed';
      /** Acknowledged entries removed. */
      readonly removed: number;
      /** Entries removed beyond the hard cap that were not acknowledged. */
      readonly expired: number;
    };

/** Figures of one stream, for metrics and for people. */
export interface StreamInspection {
  readonly stream: string;
  readonly length: number;
  readonly entriesAdded: number;
  readonly firstId: EntryId | undefined;
  readonly lastId: EntryId;
  /** Entries that the group has not consumed yet. */
  readonly unconsumed: number;
  /** Entries consumed and not yet acknowledged. */
  readonly pending: number;
  readonly oldestPendingId: EntryId | undefined;
  /** Entries ever cut by the hard cap before they were acknowledged. */
  readonly expired: number;
  readonly deadLetters: number;
  readonly timeMs: number;
}

/** The record of what was delivered: the consumer group of each stream. */
export interface AcknowledgementLedger {
  /**
   * Claims the lowest free slot (1, 2, …) for `owner`, or renews the one it holds. A slot is free when its lease
   * is older than `leaseMs`. The consumer of slot N is `signalr-instance-N`.
   */
  claimSlot(owner: string, request?: SlotRequest): Promise<SlotClaim>;

  releaseSlot(owner: string): Promise<void>;

  /** Takes or renews the lease of a stream. Resolves to `undefined` when another live owner has it. */
  acquireLease(stream: string, owner: string): Promise<Lease | undefined>;

  releaseLease(lease: Lease): Promise<void>;

  /**
   * Runs one acknowledgement pass, as `consumer`: reads up to `count` new entries into the group (Consumed), then
   * acknowledges pending entries of every consumer up to the smallest cursor of the live subscribers. With no live
   * subscriber, or when the lease's owner is not live itself, it acknowledges nothing. Subscribers whose heartbeat is older
   * than `livenessMs`, or whose cursor has stood still before the end for as long, are declared dead: their cursors
   * are removed. After a pause of the broker every subscriber has one `livenessMs` of grace. Recreates a missing group at
   * the smallest known cursor.
   */
  runLedgerPass(lease: Lease, pass: LedgerPass): Promise<LedgerPassResult>;

  /**
   * Removes entries that are acknowledged, beyond the stream's `maxLength` and older than `minAgeMs`. Beyond the
   * hard cap entries go in any case, and those not acknowledged are counted as expired.
   */
  trim(lease: Lease): Promise<TrimResult>;

  inspect(stream: string): Promise<StreamInspection>;
}

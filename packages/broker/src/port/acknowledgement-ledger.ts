// The part of the port `Broker` that records which entries were delivered. Slots and leases divide the streams among the
// subscribers. A subscriber that holds a stream's lease runs acknowledgement passes and trims on the stream.
import type { EntryId } from '../entries/entry-id.js';

/** A request of an owner for a slot. A slot is a small number that names the consumer of a subscriber. @beta */
export interface SlotRequest {
  /** Slot that the owner gets if it is free. */
  readonly preferred?: number;
  /**
   * Name of the owner that stays the same across restarts. A new owner with the same name takes over the slot at once, even
   * from another process. That process is assumed to have ended.
   */
  readonly instance?: string;
  /**
   * True if the owner had a slot before. Such an owner does not take over the slot of its `instance`. Otherwise two live
   * processes with the same name would take the slot from each other again and again.
   * @defaultValue false
   */
  readonly isRenewal?: boolean;
}

/** The owner's slot and all held slots. The subscribers divide the streams among themselves by these slots. @beta */
export interface SlotClaim {
  readonly slot: number;
  /** All slots that are held now, in ascending order, including `slot`. */
  readonly heldSlots: readonly number[];
}

/**
 * Proof that a subscriber may run passes and trims on a stream. It is invalid after it has expired, or after another lease of
 * the stream has a higher fence.
 * @beta
 */
export interface Lease {
  readonly stream: string;
  readonly owner: string;
  readonly fence: number;
}

/** The arguments of one acknowledgement pass. @beta */
export interface LedgerPass {
  /** Name of the consumer that reads the new entries. */
  readonly consumer: string;
  /** Maximum number of entries that the pass consumes, and maximum number that it acknowledges. */
  readonly count: number;
  /**
   * Present cursor of the lease's owner. It may be newer than the cursor in the owner's last heartbeat. Without it, the
   * registered cursor is used. Ignored if the owner is not registered.
   */
  readonly cursor?: EntryId;
}

/** The result of one acknowledgement pass. `fenced` means that the lease was lost and that nothing was changed. @beta */
export type LedgerPassResult =
  | { readonly status: 'fenced' }
  | {
      readonly status: 'done';
      /** Number of entries that this pass moved to Consumed. */
      readonly consumed: number;
      /** Number of entries that this pass moved to Acknowledged. */
      readonly acknowledged: number;
      /** Names of the subscribers that this pass declared dead. */
      readonly declaredDead: readonly string[];
    };

/** The result of one trim. `fenced` means that the lease was lost and that nothing was changed. @beta */
export type TrimResult =
  | { readonly status: 'fenced' }
  | {
      readonly status: 'trimmed';
      /** Number of acknowledged entries that were removed. */
      readonly removed: number;
      /** Number of entries beyond the hard cap that were removed before they were acknowledged. */
      readonly expired: number;
    };

/** The state of one stream, for metrics and for operators. @beta */
export interface StreamInspection {
  readonly stream: string;
  readonly length: number;
  readonly entriesAdded: number;
  readonly firstId: EntryId | undefined;
  readonly lastId: EntryId;
  /** Number of entries that the group has not consumed yet. */
  readonly unconsumed: number;
  /** Number of entries that were consumed and are not acknowledged yet. */
  readonly pending: number;
  readonly oldestPendingId: EntryId | undefined;
  /** Number of entries that the hard cap has ever removed before they were acknowledged. */
  readonly expired: number;
  readonly deadLetters: number;
  /**
   * ID after which no entry was ever trimmed: `0-0` if none was trimmed at all, and usually the first ID otherwise. Entries after it
   * that the stream does not have were erased.
   */
  readonly completeAfter: EntryId;
  readonly timeMs: number;
}

/** Records in the consumer group of each stream which entries were delivered. */
export interface AcknowledgementLedger {
  /**
   * Claims a slot (1, 2, …) for `owner`, or renews the slot that the owner holds. A new owner gets the slot
   * of its `instance`, or else `preferred`, or else the lowest free slot. A slot is free when it was not
   * renewed for `leaseMs`. The consumer of slot N is `signalr-instance-N`, unless `consumerPrefix` is set.
   */
  claimSlot(owner: string, request?: SlotRequest): Promise<SlotClaim>;

  releaseSlot(owner: string): Promise<void>;

  /** Takes or renews the lease of a stream. Resolves to `undefined` when another owner holds the lease. */
  acquireLease(stream: string, owner: string): Promise<Lease | undefined>;

  releaseLease(lease: Lease): Promise<void>;

  /**
   * Runs one acknowledgement pass:
   * - Declares subscribers dead and removes their cursors. A subscriber is dead if its heartbeat is older than `livenessMs`,
   *   or if its cursor has not moved for `livenessMs` although newer entries exist. Every subscriber has a grace period of
   *   `livenessMs` after a pause of the broker.
   * - Reads up to `count` new entries into the group as `consumer` (Consumed).
   * - Acknowledges up to `count` pending entries of all consumers, up to the smallest cursor of the live subscribers.
   *   Acknowledges nothing if no subscriber is live, or if the lease's owner is not live.
   *
   * A missing group is created again at the smallest registered cursor.
   */
  runLedgerPass(lease: Lease, pass: LedgerPass): Promise<LedgerPassResult>;

  /**
   * Removes entries beyond the stream's `maxLength` that are acknowledged and older than `minAgeMs`. Always removes entries
   * beyond the hard cap. Entries that are removed before they were acknowledged count as expired. Removes nothing from a stream
   * that another system owns.
   */
  trim(lease: Lease): Promise<TrimResult>;

  inspect(stream: string): Promise<StreamInspection>;
}

// Describes each call of a script as a value: the script, its keys, its arguments, and the function that reads its reply. Pure.
import { ANNOUNCEMENT_LIMITS, namesIn } from '../../announcements.js';
import type { EntryId } from '../../entries/entry-id.js';
import type { BrokerError } from '../../errors.js';
import type { ResolvedBrokerOptions } from '../../options.js';
import type {
  Lease,
  LedgerPass,
  LedgerPassResult,
  SlotClaim,
  SlotRequest,
  StreamInspection,
  TrimResult,
} from '../../port/acknowledgement-ledger.js';
import type { DeadLetter } from '../../port/dead-letter-store.js';
import type { Entry, OutgoingEntry, PublishReceipt } from '../../port/entry-log.js';
import { type ErasedRemoval, type Erasure, OTHER_GROUPS_WAIT_MS } from '../../port/erasure-store.js';
import type { HeartbeatReply, ReadProgress, StreamStart } from '../../port/subscriber-registry.js';
import { newEpoch } from '../../positions/epoch.js';
import type { RedisKeys, StreamKeys } from '../keys.js';
import { announcedScript, announceScript } from '../scripts/announce.js';
import { deadLetterScript } from '../scripts/dead-letter.js';
import { eraseScript, removeErasedScript } from '../scripts/erase.js';
import { heartbeatScript } from '../scripts/heartbeat.js';
import { inspectScript } from '../scripts/inspect.js';
import { acquireLeaseScript, releaseLeaseScript } from '../scripts/lease.js';
import { ledgerPassScript } from '../scripts/ledger-pass.js';
import { OBSERVED_KEYS_MS, observeScript } from '../scripts/observe.js';
import { partitionsScript } from '../scripts/partitions.js';
import { publishScript } from '../scripts/publish.js';
import { registerScript } from '../scripts/register.js';
import { requeueDeadLetterScript } from '../scripts/requeue-dead-letter.js';
import type { Script } from '../scripts/script.js';
import { claimSlotScript, releaseSlotScript } from '../scripts/slots.js';
import { trimScript } from '../scripts/trim.js';
import { endingText } from '../windows/window-texts.js';
import { asArray, asNumber, asText } from './replies.js';
import {
  asHeartbeatReply,
  asInspection,
  asLedgerPassResult,
  asReceipts,
  asServedStart,
  asSlotClaim,
  asTrimResult,
  type Served,
} from './script-replies.js';

/** One call of a script, ready to be sent. */
export interface ScriptCall<T> {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly parse: (reply: unknown) => T;
  /**
   * True if the script checks whether the server was restarted or replaced. The connection then adds two arguments to the
   * call (see `restart-markers.ts`).
   */
  readonly isSettling?: true;
}

/** The keys and bounds of a stream. */
export interface StreamBounds {
  readonly keys: StreamKeys;
  /** All keys of the deployment. */
  readonly redisKeys: RedisKeys;
  readonly maxLength: number;
  readonly hardCap: number;
}

/**
 * Returns the script call that appends a batch of entries. The result has one receipt or error per entry.
 * @param isApart true if coalescing windows may be on other servers than the stream. The endings of their inputs are then
 *   sent separately
 */
export function publishCall(
  { keys, redisKeys, hardCap }: StreamBounds,
  options: ResolvedBrokerOptions,
  entries: readonly OutgoingEntry[],
  isApart: boolean,
): ScriptCall<(PublishReceipt | BrokerError)[]> {
  const dedupeKeys: string[] = [];
  const windowKeys: string[] = [];
  const args: (string | number)[] = [];
  let mayBeRepeated = false;
  for (const { dedupeId, isNew, fields, ends } of entries) {
    const names = Object.keys(fields);
    const ending = isApart ? undefined : ends;
    args.push((dedupeId === undefined ? 0 : 1) + (ending === undefined ? 0 : 2), names.length * 2);
    for (const name of names) args.push(name, fields[name] ?? '');
    if (dedupeId !== undefined) {
      dedupeKeys.push(keys.dedupe(dedupeId));
      if (isNew !== true) mayBeRepeated = true;
    }
    if (ending === undefined) continue;
    windowKeys.push(redisKeys.window(ending.window));
    args.push(ending.key, endingText(ending));
  }
  return {
    script: publishScript,
    keys: [keys.stream, keys.expired, ...dedupeKeys, ...windowKeys, keys.expiredByGroup, keys.observed],
    args: [
      keys.group,
      keys.isObserved ? 0 : hardCap,
      options.trimBatchSize,
      options.dedupeWindowMs,
      dedupeKeys.length,
      mayBeRepeated ? 1 : 0,
      ...args,
    ],
    parse: (reply) => asReceipts(reply, entries.length),
  };
}

/**
 * Returns the script call that reads the number of partitions of a declared stream. The script stores `wanted` if no number
 * is stored and `wanted` is not 0. The result is the stored number, or 0 if there is none.
 */
export function partitionsCall(keys: StreamKeys, wanted: number): ScriptCall<number> {
  return { script: partitionsScript, keys: [keys.partitions], args: [wanted], parse: asNumber };
}

/** Returns the script call for `Broker.register`. */
export function registerCall(
  keys: StreamKeys,
  { livenessMs }: ResolvedBrokerOptions,
  subscriber: string,
): ScriptCall<Served<StreamStart>> {
  return {
    script: registerScript,
    isSettling: true,
    keys: [keys.stream, keys.cursors, keys.epoch, keys.lease, keys.expiredByGroup, keys.observed],
    args: [subscriber, keys.group, livenessMs, newEpoch(keys.name), lifeOf(keys), keys.groupProof],
    parse: (reply) => asServedStart(keys.stream, keys.name, keys.group, reply),
  };
}

/** Returns the script call for `Broker.heartbeat`. */
export function heartbeatCall(
  keys: StreamKeys,
  { livenessMs }: ResolvedBrokerOptions,
  subscriber: string,
  { cursor, epoch, entriesAdded, digest = '' }: ReadProgress,
): ScriptCall<Served<HeartbeatReply>> {
  return {
    script: heartbeatScript,
    isSettling: true,
    keys: [keys.stream, keys.cursors, keys.epoch, keys.lease],
    args: [
      subscriber,
      cursor,
      epoch,
      entriesAdded,
      livenessMs,
      newEpoch(keys.name),
      digest,
      keys.group,
      lifeOf(keys),
    ],
    parse: (reply) => asHeartbeatReply(keys.name, reply),
  };
}

/** Returns the script call for `Broker.claimSlot`. */
export function claimSlotCall(
  { slots }: RedisKeys,
  { leaseMs }: ResolvedBrokerOptions,
  owner: string,
  { preferred = 0, instance = '', isRenewal = false }: SlotRequest,
): ScriptCall<SlotClaim> {
  return {
    script: claimSlotScript,
    keys: [slots],
    args: [owner, leaseMs, preferred, instance, isRenewal ? 1 : 0],
    parse: asSlotClaim,
  };
}

/** Returns the script call for `Broker.releaseSlot`. */
export function releaseSlotCall({ slots }: RedisKeys, owner: string): ScriptCall<void> {
  return { script: releaseSlotScript, keys: [slots], args: [owner], parse: () => {} };
}

/** Returns the script call for `Broker.acquireLease`. */
export function acquireLeaseCall(
  keys: StreamKeys,
  { leaseMs }: ResolvedBrokerOptions,
  owner: string,
): ScriptCall<Lease | undefined> {
  return {
    script: acquireLeaseScript,
    keys: [keys.lease],
    args: [owner, leaseMs, lifeOf(keys)],
    parse: (fence) => (fence === null ? undefined : { stream: keys.name, owner, fence: asNumber(fence) }),
  };
}

/** Returns the script call for `Broker.releaseLease`. */
export function releaseLeaseCall(keys: StreamKeys, { owner, fence }: Lease): ScriptCall<void> {
  return { script: releaseLeaseScript, keys: [keys.lease], args: [owner, fence], parse: () => {} };
}

/** Returns the script call for `Broker.runLedgerPass`. */
export function ledgerPassCall(
  keys: StreamKeys,
  { livenessMs }: ResolvedBrokerOptions,
  lease: Lease,
  pass: LedgerPass,
): ScriptCall<LedgerPassResult> {
  return {
    script: ledgerPassScript,
    keys: [keys.stream, keys.cursors, keys.lease, keys.epoch],
    args: [
      lease.owner,
      lease.fence,
      keys.group,
      pass.consumer,
      pass.count,
      livenessMs,
      pass.cursor ?? '',
      lifeOf(keys),
      keys.groupProof === 'own' ? 1 : 0,
    ],
    parse: (reply) => asLedgerPassResult(keys.stream, keys.group, reply),
  };
}

/**
 * Returns the script call that marks an observed stream, and renews the lifetime of the other keys.
 * @param isSubscriber true to renew the keys that only gateways write
 */
export function observeCall(keys: StreamKeys, isSubscriber: boolean): ScriptCall<void> {
  const { observed, cursors, lease, epoch, dead, expiredByGroup } = keys;
  return {
    script: observeScript,
    keys: isSubscriber ? [observed, cursors, lease, epoch, dead, expiredByGroup] : [observed],
    args: [OBSERVED_KEYS_MS],
    parse: () => {},
  };
}

/** Returns the lifetime of the stream's other keys in milliseconds, or 0 for no limit. */
function lifeOf({ isObserved }: StreamKeys): number {
  return isObserved ? OBSERVED_KEYS_MS : 0;
}

/** Returns the script call for `Broker.trim`. */
export function trimCall(
  { keys, maxLength, hardCap }: StreamBounds,
  { minAgeMs, trimBatchSize }: ResolvedBrokerOptions,
  lease: Lease,
): ScriptCall<TrimResult> {
  return {
    script: trimScript,
    keys: [keys.stream, keys.cursors, keys.lease, keys.expired, keys.expiredByGroup, keys.observed],
    args: [lease.owner, lease.fence, keys.group, maxLength, hardCap, minAgeMs, trimBatchSize],
    parse: asTrimResult,
  };
}

/** Returns the script call for `Broker.deadLetter`. */
export function deadLetterCall(
  keys: StreamKeys,
  { deadMarkMs, deadLetterMaxLength }: ResolvedBrokerOptions,
  { entry, reason, rejectedBy }: Pick<DeadLetter, 'reason' | 'rejectedBy'> & { readonly entry: Entry },
): ScriptCall<boolean> {
  return {
    script: deadLetterScript,
    keys: [keys.dead, keys.deadMark(entry.id), keys.erasing],
    args: [
      deadMarkMs,
      deadLetterMaxLength,
      entry.id,
      reason,
      rejectedBy,
      JSON.stringify(entry.fields),
      entry.isUtf8 === false ? 0 : 1,
      lifeOf(keys),
    ],
    parse: (reply) => reply === 1,
  };
}

/**
 * Returns the script call for `Broker.requeueDeadLetter`. The script appends the dead letter's fields to the stream and removes the
 * dead letter. The result is the ID of the new entry, or `undefined` if the dead letter no longer exists.
 */
export function requeueDeadLetterCall(
  keys: StreamKeys,
  { id, fields }: Pick<DeadLetter, 'id' | 'fields'>,
): ScriptCall<EntryId | undefined> {
  return {
    script: requeueDeadLetterScript,
    keys: [keys.stream, keys.dead],
    args: [id, ...Object.entries(fields).flat()],
    parse: (reply) => (reply === null ? undefined : asText(reply)),
  };
}

/** Returns the script call for `Broker.inspect`. */
export function inspectCall(keys: StreamKeys): ScriptCall<StreamInspection> {
  return {
    script: inspectScript,
    keys: [keys.stream, keys.expired, keys.dead, keys.expiredByGroup, keys.epoch],
    args: [keys.group],
    parse: (reply) => asInspection(keys.name, reply),
  };
}

/** Returns the script call for `ErasureStore.erase`. */
export function eraseCall(
  keys: StreamKeys,
  { dedupeWindowMs }: ResolvedBrokerOptions,
  { control = {}, ids: given, dedupeIds }: Erasure,
): ScriptCall<EntryId | undefined> {
  const ids = keys.isObserved ? [] : given;
  return {
    script: eraseScript,
    keys: [keys.stream, keys.erasing, keys.observed, ...dedupeIds.map((id) => keys.dedupe(id))],
    args: [dedupeWindowMs, ids.length, ...ids, ...Object.entries(control).flat()],
    parse: (reply) => asText(reply) || undefined,
  };
}

/** Returns the script call for `ErasureStore.remove`. */
export function removeErasedCall(
  keys: StreamKeys,
  { livenessMs, trimBatchSize }: ResolvedBrokerOptions,
): ScriptCall<ErasedRemoval> {
  return {
    script: removeErasedScript,
    keys: [keys.stream, keys.erasing, keys.cursors, keys.lease, keys.epoch, keys.observed],
    args: [keys.group, livenessMs, OTHER_GROUPS_WAIT_MS, trimBatchSize],
    parse: (reply) => {
      const [removed, waiting, isObserved] = asArray(reply).map(asNumber);
      const removal = { removed: removed ?? 0, waiting: waiting ?? 0 };
      return isObserved === 1 ? { ...removal, isKept: true } : removal;
    },
  };
}

/** Returns the script call for `Broker.announce`. */
export function announceCall(
  { types }: RedisKeys,
  subscriber: string,
  names: readonly string[],
): ScriptCall<void> {
  const { lifetimeMs, maxSubscribers } = ANNOUNCEMENT_LIMITS;
  const text = names.length === 0 ? '' : JSON.stringify(names);
  const args = [subscriber, lifetimeMs, maxSubscribers, text];
  return { script: announceScript, keys: [types], args, parse: () => {} };
}

/** Returns the script call for `Broker.announced`. */
export function announcedCall({ types }: RedisKeys): ScriptCall<ReadonlySet<string>> {
  const parse = (reply: unknown): ReadonlySet<string> => namesIn(asArray(reply).map(asText));
  return { script: announcedScript, keys: [types], args: [], parse };
}

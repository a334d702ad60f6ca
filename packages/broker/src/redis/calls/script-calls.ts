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
import type { HeartbeatReply, ReadProgress, StreamStart } from '../../port/subscriber-registry.js';
import { newEpoch } from '../../positions/epoch.js';
import type { RedisKeys, StreamKeys } from '../keys.js';
import { announcedScript, announceScript } from '../scripts/announce.js';
import { deadLetterScript } from '../scripts/dead-letter.js';
import { heartbeatScript } from '../scripts/heartbeat.js';
import { inspectScript } from '../scripts/inspect.js';
import { acquireLeaseScript, releaseLeaseScript } from '../scripts/lease.js';
import { ledgerPassScript } from '../scripts/ledger-pass.js';
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
   * True if the script checks whether the server was restarted or replaced. In that case, the connection adds
   * two arguments to the call (see `restart-markers.ts`).
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
 * @param isApart true if coalescing windows may be on other servers than the stream. In that case, the
 * endings of their inputs are sent separately.
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
    keys: [keys.stream, keys.expired, ...dedupeKeys, ...windowKeys, keys.expiredByGroup],
    args: [
      options.group,
      hardCap,
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
 * Returns the script call that reads the number of partitions of a declared stream. If no number is stored
 * and `wanted` is not 0, the script stores `wanted`. The result is the stored number, or 0 if there is none.
 */
export function partitionsCall(keys: StreamKeys, wanted: number): ScriptCall<number> {
  return { script: partitionsScript, keys: [keys.partitions], args: [wanted], parse: asNumber };
}

/** Returns the script call for `Broker.register`. */
export function registerCall(
  keys: StreamKeys,
  { group, livenessMs }: ResolvedBrokerOptions,
  subscriber: string,
): ScriptCall<Served<StreamStart>> {
  return {
    script: registerScript,
    isSettling: true,
    keys: [keys.stream, keys.cursors, keys.epoch, keys.lease, keys.expiredByGroup],
    args: [subscriber, group, livenessMs, newEpoch(keys.name)],
    parse: (reply) => asServedStart(keys.name, reply),
  };
}

/** Returns the script call for `Broker.heartbeat`. */
export function heartbeatCall(
  keys: StreamKeys,
  { livenessMs, group }: ResolvedBrokerOptions,
  subscriber: string,
  { cursor, epoch, entriesAdded, digest = '' }: ReadProgress,
): ScriptCall<Served<HeartbeatReply>> {
  return {
    script: heartbeatScript,
    isSettling: true,
    keys: [keys.stream, keys.cursors, keys.epoch, keys.lease],
    args: [subscriber, cursor, epoch, entriesAdded, livenessMs, newEpoch(keys.name), digest, group],
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
    args: [owner, leaseMs],
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
  { group, livenessMs }: ResolvedBrokerOptions,
  lease: Lease,
  pass: LedgerPass,
): ScriptCall<LedgerPassResult> {
  return {
    script: ledgerPassScript,
    keys: [keys.stream, keys.cursors, keys.lease, keys.epoch],
    args: [lease.owner, lease.fence, group, pass.consumer, pass.count, livenessMs, pass.cursor ?? ''],
    parse: asLedgerPassResult,
  };
}

/** Returns the script call for `Broker.trim`. */
export function trimCall(
  { keys, maxLength, hardCap }: StreamBounds,
  { group, minAgeMs, trimBatchSize }: ResolvedBrokerOptions,
  lease: Lease,
): ScriptCall<TrimResult> {
  return {
    script: trimScript,
    keys: [keys.stream, keys.cursors, keys.lease, keys.expired, keys.expiredByGroup],
    args: [lease.owner, lease.fence, group, maxLength, hardCap, minAgeMs, trimBatchSize],
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
    keys: [keys.dead, keys.deadMark(entry.id)],
    args: [
      deadMarkMs,
      deadLetterMaxLength,
      entry.id,
      reason,
      rejectedBy,
      JSON.stringify(entry.fields),
      entry.isUtf8 === false ? 0 : 1,
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
export function inspectCall(
  keys: StreamKeys,
  { group }: ResolvedBrokerOptions,
): ScriptCall<StreamInspection> {
  return {
    script: inspectScript,
    keys: [keys.stream, keys.expired, keys.dead, keys.expiredByGroup],
    args: [group],
    parse: (reply) => asInspection(keys.name, reply),
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

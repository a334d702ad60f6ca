// Converts the reply of each script to a type of the port, with one function per script. The script's comment defines the order of
// the elements.
import { BrokerError } from '../../errors.js';
import type {
  LedgerPassResult,
  SlotClaim,
  StreamInspection,
  TrimResult,
} from '../../port/acknowledgement-ledger.js';
import type { PublishReceipt } from '../../port/entry-log.js';
import type { HeartbeatReply, HeartbeatStatus, StreamStart } from '../../port/subscriber-registry.js';
import { isMissingCommand } from '../connection/missing-commands.js';
import { codeOfReply, messageOfReply } from '../connection/redis-errors.js';
import { asArray, asNumber, asText, asTimeMs } from './replies.js';

/**
 * Reads the reply of `publishScript`: an ID and a duplicate flag per entry. If an entry was refused, an error text follows as
 * the last element.
 * @param entries number of entries that were sent
 */
export function asReceipts(reply: unknown, entries: number): (PublishReceipt | BrokerError)[] {
  const items = asArray(reply);
  const receipts: (PublishReceipt | BrokerError)[] = [];
  for (let at = 0; at + 1 < items.length; at += 2) {
    receipts.push({ id: asText(items[at]), isDuplicate: items[at + 1] === 1 });
  }
  if (receipts.length === entries) return receipts;
  const message =
    items.length % 2 === 1 ? refusalOf(asText(items.at(-1))) : 'Redis gave no answer for the entry';
  const code = codeOfReply(message);
  receipts.push(new BrokerError(code, messageOfReply(message), { nothingHappened: true }));
  while (receipts.length < entries) {
    const text = `Not tried, because the store refused an entry before it: ${messageOfReply(message)}`;
    receipts.push(new BrokerError(code, text, { nothingHappened: true }));
  }
  return receipts;
}

/** Returns the error text of XADD. Redis does not name the command if the server lacks it, or if the user may not run it. */
function refusalOf(text: string): string {
  if (!isMissingCommand(text)) return text;
  return text.startsWith('ERR Unknown')
    ? "ERR unknown command 'XADD'"
    : "NOPERM the user has no permissions to run the 'XADD' command";
}

/** A reply, and the run of the server that sent it: its `run_id`, or a marker (see `restart-markers.ts`). */
export interface Served<T> {
  readonly value: T;
  readonly runId: string;
}

/**
 * Reads the reply of `registerScript`.
 * @throws BrokerError `foreign_group` if another program uses the consumer group
 */
export function asServedStart(
  key: string,
  stream: string,
  group: string,
  reply: unknown,
): Served<StreamStart> {
  if (asArray(reply)[0] === 'foreign_group') throw foreignGroup(key, group);
  return { value: asStreamStart(stream, asArray(reply)), runId: asText(asArray(reply).at(-1)) };
}

function foreignGroup(key: string, group: string): BrokerError {
  return new BrokerError(
    'foreign_group',
    `Another program reads ${key} with the consumer group ${group}, whose entries a gateway would take away: give the gateways a group of their own, or remove this one if its program is gone for good (XGROUP DESTROY ${key} ${group})`,
    { nothingHappened: true },
  );
}

function asStreamStart(stream: string, reply: readonly unknown[]): StreamStart {
  const [epoch, cursor, lastId, entriesAdded, seconds, micros, previousText, upTo] = reply;
  const previous = asText(previousText);
  return {
    stream,
    epoch: asText(epoch),
    ...(previous === '' ? {} : { previousEpoch: { epoch: previous, upTo: asText(upTo) } }),
    cursor: asText(cursor),
    lastId: asText(lastId),
    entriesAdded: asNumber(entriesAdded),
    timeMs: asTimeMs(seconds, micros),
  };
}

/** Reads the reply of `heartbeatScript`. */
export function asHeartbeatReply(stream: string, reply: unknown): Served<HeartbeatReply> {
  const [status, ...rest] = asArray(reply);
  const value = { ...asStreamStart(stream, rest), status: asHeartbeatStatus(asText(status)) };
  return { value, runId: asText(rest.at(-1)) };
}

function asHeartbeatStatus(text: string): HeartbeatStatus {
  if (text === 'alive' || text === 'revived' || text === 'moved' || text === 'reset') return text;
  throw new BrokerError('refused', `Redis answered an unknown heartbeat status ${text}`);
}

/** Reads the reply of `claimSlotScript`: the caller's slot, then all slots that are held, including the caller's. */
export function asSlotClaim(reply: unknown): SlotClaim {
  const [slot, ...held] = asArray(reply).map(asNumber);
  return { slot: asNumber(slot), heldSlots: held.sort((a, b) => a - b) };
}

/** Reads the reply of `ledgerPassScript`, which is null if the caller has lost the lease. */
export function asLedgerPassResult(key: string, group: string, reply: unknown): LedgerPassResult {
  if (reply === null) return { status: 'fenced' };
  if (asArray(reply)[0] === 'foreign_group') throw foreignGroup(key, group);
  const [consumed, acknowledged, ...declaredDead] = asArray(reply);
  return {
    status: 'done',
    consumed: asNumber(consumed),
    acknowledged: asNumber(acknowledged),
    declaredDead: declaredDead.map(asText),
  };
}

/** Reads the reply of `trimScript`, which is null if the caller has lost the lease. */
export function asTrimResult(reply: unknown): TrimResult {
  if (reply === null) return { status: 'fenced' };
  const [removed, expired] = asArray(reply);
  return { status: 'trimmed', removed: asNumber(removed), expired: asNumber(expired) };
}

/** Reads the reply of `inspectScript`. */
export function asInspection(stream: string, reply: unknown): StreamInspection {
  const [length, added, first, last, unconsumed, pending, oldest, expired, dead, seconds, micros, complete] =
    asArray(reply);
  return {
    stream,
    length: asNumber(length),
    entriesAdded: asNumber(added),
    firstId: asText(first) || undefined,
    lastId: asText(last),
    unconsumed: asNumber(unconsumed),
    pending: asNumber(pending),
    oldestPendingId: asText(oldest) || undefined,
    expired: asNumber(expired),
    deadLetters: asNumber(dead),
    completeAfter: asText(complete),
    timeMs: asTimeMs(seconds, micros),
  };
}

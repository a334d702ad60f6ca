// Describes each call of the window scripts as a value, as `script-calls.ts` does. Pure.
import type { EntryId } from '../../entries/entry-id.js';
import {
  WINDOW_LIMITS,
  type WindowAddition,
  type WindowClaim,
  type WindowEnding,
  type WindowInput,
  type WindowName,
  type WindowStore,
} from '../../port/windows.js';
import { asArray, asNumber, asText } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import type { RedisKeys } from '../keys.js';
import {
  windowAddScript,
  windowClaimScript,
  windowCommitScript,
  windowEndScript,
  windowHealScript,
  windowIndexScript,
  windowOverdueScript,
  windowRenewScript,
  windowUnindexScript,
} from '../scripts/windows.js';
import { endingText, readEndings, readInputs } from './window-texts.js';

/** The keys of a window and of its index. */
export interface WindowLocation {
  /** The window's key, which is also its member in the index. */
  readonly window: string;
  readonly index: string;
  /** The keys that are on one server, so that one script may access them. */
  readonly keys: readonly string[];
}

/**
 * Returns the keys of a window.
 * @param isApart true if the index may be on another server
 */
export function windowLocation(keys: RedisKeys, name: WindowName, isApart: boolean): WindowLocation {
  const window = keys.window(name);
  const index = keys.windowIndex(name.slot);
  return { window, index, keys: isApart ? [window] : [window, index] };
}

/** Returns the script call for `WindowStore.add`. @param stream key of the stream */
export function windowAddCall(
  { window, keys }: WindowLocation,
  inputs: readonly WindowInput[],
  { windowMs, stream }: Parameters<WindowStore['add']>[2],
): ScriptCall<WindowAddition> {
  const { maxInputs, maxBytes, keptMs } = WINDOW_LIMITS;
  const args: (string | number)[] = [window, windowMs, maxInputs, maxBytes, keptMs];
  for (const { id, text } of inputs) args.push(id, text);
  const isApart = keys.length === 1;
  return { script: windowAddScript, keys: isApart ? keys : [...keys, stream], args, parse: asAddition };
}

/** Returns the script call that ends inputs in a window on another server than the entry that ends them. */
export function windowEndCall(
  window: string,
  { ending, id }: { readonly ending: WindowEnding; readonly id: EntryId },
): ScriptCall<void> {
  const args = [ending.key, endingText(ending), id];
  return { script: windowEndScript, keys: [window], args, parse: () => {} };
}

/** Returns the script call for `WindowStore.claim`. */
export function windowClaimCall(
  { window, keys }: WindowLocation,
  { token, leaseMs, isForced }: Parameters<WindowStore['claim']>[1],
): ScriptCall<WindowClaim> {
  return {
    script: windowClaimScript,
    keys,
    args: [window, token, leaseMs, isForced ? 1 : 0],
    parse: asClaim,
  };
}

/** Returns the script call for `WindowStore.renew`. */
export function windowRenewCall(
  { window }: WindowLocation,
  token: string,
  leaseMs: number,
): ScriptCall<boolean> {
  return {
    script: windowRenewScript,
    keys: [window],
    args: [token, leaseMs],
    parse: (reply) => reply === 1,
  };
}

/** Returns the script call for `WindowStore.commit`. */
export function windowCommitCall({ window, keys }: WindowLocation, token: string): ScriptCall<boolean> {
  const args = [window, token, UNKNOWN_KEPT_MS];
  return { script: windowCommitScript, keys, args, parse: (reply) => reply === 1 };
}

// Milliseconds for which a key with fields of a later build is kept after a flush.
const UNKNOWN_KEPT_MS = 60_000;

/** A member of an index. A member without a name is not a window's key, so Millrace has not written it. */
export interface IndexedWindow {
  readonly name: WindowName | undefined;
  readonly window: string;
  readonly score: string;
}

/** Returns the script call for `WindowStore.overdue`. */
export function overdueWindowsCall(
  keys: RedisKeys,
  slot: string,
  { graceMs, count }: Parameters<WindowStore['overdue']>[1],
): ScriptCall<IndexedWindow[]> {
  return {
    script: windowOverdueScript,
    keys: [keys.windowIndex(slot)],
    args: [graceMs, count, WINDOW_LIMITS.keptMs],
    parse: (reply) => asOverdue(keys, reply),
  };
}

/** Maximum number of fields of a window: four times the number of inputs and endings. The rest is room for other fields. */
const MAX_FIELDS = 4 * (WINDOW_LIMITS.maxInputs + WINDOW_LIMITS.maxEndings);

/**
 * Returns the script call that removes data that Millrace has not written from a window's keys. The result is the number of removed
 * keys and fields.
 */
export function healWindowCall({ keys }: Pick<WindowLocation, 'keys'>): ScriptCall<number> {
  return {
    script: windowHealScript,
    keys,
    args: ['hash', WINDOW_LIMITS.keptMs, MAX_FIELDS],
    parse: asNumber,
  };
}

/**
 * Returns the script call that removes the key of an index if it is not a sorted set. Millrace writes only a sorted set there. The
 * result is the number of removed keys.
 */
export function healIndexCall(index: string): ScriptCall<number> {
  const args = ['zset', WINDOW_LIMITS.keptMs, MAX_FIELDS];
  return { script: windowHealScript, keys: [index], args, parse: asNumber };
}

/** Returns the script call that adds a window to its index. The result is the window's score. */
export function indexWindowCall({ window, index }: WindowLocation, dueInMs: number): ScriptCall<string> {
  return {
    script: windowIndexScript,
    keys: [index],
    args: [window, dueInMs, WINDOW_LIMITS.keptMs],
    parse: asText,
  };
}

/** Returns the script call that removes a window from its index, unless the window was added again with another score. */
export function unindexWindowCall(
  { window, index }: Pick<WindowLocation, 'window' | 'index'>,
  score: string,
): ScriptCall<void> {
  return { script: windowUnindexScript, keys: [index], args: [window, score], parse: () => {} };
}

function asAddition(reply: unknown): WindowAddition {
  const [opened, dueInMs, ...outcomes] = asArray(reply);
  return {
    isOpened: opened === 1,
    dueInMs: asNumber(dueInMs),
    outcomes: outcomes.map((outcome) => (outcome === 1 ? 'added' : outcome === 0 ? 'repeat' : 'full')),
  };
}

function asClaim(reply: unknown): WindowClaim {
  const [status, first, endings, ageMs] = asArray(reply);
  switch (status) {
    case 'idle':
      return { status };
    case 'waiting':
    case 'busy':
      return { status, inMs: asNumber(first) };
    default:
      return {
        status: 'claimed',
        inputs: readInputs(asText(first)),
        endings: readEndings(asText(endings)),
        ageMs: asNumber(ageMs),
      };
  }
}

function asOverdue(keys: RedisKeys, reply: unknown): IndexedWindow[] {
  const found = [];
  const items = asArray(reply);
  for (let at = 0; at + 1 < items.length; at += 2) {
    const window = asText(items[at]);
    found.push({ name: keys.windowNameOf(window), window, score: asText(items[at + 1]) });
  }
  return found;
}

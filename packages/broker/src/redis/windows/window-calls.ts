// The calls of the window scripts as values, as in `script-calls.ts`. Pure.
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
import { windowIndexKey, windowKey, windowNameOf } from '../keys.js';
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
  /** Keys that one script may touch. */
  readonly keys: readonly string[];
}

/** The keys of a window; with `isApart` the index may be on another server. */
export function windowLocation(name: WindowName, isApart: boolean): WindowLocation {
  const window = windowKey(name);
  const index = windowIndexKey(name.slot);
  return { window, index, keys: isApart ? [window] : [window, index] };
}

/** @see WindowStore.add */
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

/** Ends inputs in a window that is on another server than the entry that ends them. */
export function windowEndCall(ending: WindowEnding, id: EntryId): ScriptCall<void> {
  const args = [ending.key, endingText(ending), id];
  return { script: windowEndScript, keys: [windowKey(ending.window)], args, parse: () => {} };
}

/** @see WindowStore.claim */
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

/** @see WindowStore.renew */
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

/** @see WindowStore.commit */
export function windowCommitCall({ window, keys }: WindowLocation, token: string): ScriptCall<boolean> {
  const args = [window, token, UNKNOWN_KEPT_MS];
  return { script: windowCommitScript, keys, args, parse: (reply) => reply === 1 };
}

// How long a key is kept after a flush for the fields of a later build.
const UNKNOWN_KEPT_MS = 60_000;

/** A member of an index. Without a name it is no window's key: Millrace has not written it. */
export interface IndexedWindow {
  readonly name: WindowName | undefined;
  readonly window: string;
  readonly score: string;
}

/** @see WindowStore.overdue */
export function overdueWindowsCall(
  slot: string,
  { graceMs, count }: Parameters<WindowStore['overdue']>[1],
): ScriptCall<IndexedWindow[]> {
  return {
    script: windowOverdueScript,
    keys: [windowIndexKey(slot)],
    args: [graceMs, count, WINDOW_LIMITS.keptMs],
    parse: asOverdue,
  };
}

/** Most fields of a window: its inputs, its endings and some more, four times over. */
const MAX_FIELDS = 4 * (WINDOW_LIMITS.maxInputs + WINDOW_LIMITS.maxEndings);

/** Removes whatever Millrace has not written at the keys of a window. Returns how much that was. */
export function healWindowCall({ keys }: Pick<WindowLocation, 'keys'>): ScriptCall<number> {
  return {
    script: windowHealScript,
    keys,
    args: ['hash', WINDOW_LIMITS.keptMs, MAX_FIELDS],
    parse: asNumber,
  };
}

/** The same for an index alone. */
export function healIndexCall(index: string): ScriptCall<number> {
  const args = ['zset', WINDOW_LIMITS.keptMs, MAX_FIELDS];
  return { script: windowHealScript, keys: [index], args, parse: asNumber };
}

/** Puts a window into the index. Returns its score. */
export function indexWindowCall({ window, index }: WindowLocation, dueInMs: number): ScriptCall<string> {
  return { script: windowIndexScript, keys: [index], args: [window, dueInMs], parse: asText };
}

/** Takes a window out of the index, unless it was put there again since. */
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

function asOverdue(reply: unknown): IndexedWindow[] {
  const found = [];
  const items = asArray(reply);
  for (let at = 0; at + 1 < items.length; at += 2) {
    const window = asText(items[at]);
    found.push({ name: windowNameOf(window), window, score: asText(items[at + 1]) });
  }
  return found;
}

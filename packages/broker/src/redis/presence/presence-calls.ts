// Describes each call of a presence script as a value, like `script-calls.ts`. Pure.
import { randomBytes } from 'node:crypto';
import {
  PRESENCE_LIMITS,
  type PresenceChange,
  type PresenceEdit,
  type PresenceLease,
  type PresenceLeases,
  type RoomPresence,
} from '../../port/presence.js';
import { asArray, asNumber, asText } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import type { RedisKeys } from '../keys.js';
import {
  presenceAnnounceScript,
  presenceReadScript,
  presenceRemoveScript,
  presenceRenewScript,
  presenceSweepScript,
  presenceWriteScript,
} from '../scripts/presence.js';
import { announcementText, connectionLine, readPairs } from './presence-texts.js';

/** Approximate number of users that one step of a sweep reads. Such a step takes less than a millisecond. */
const SWEEP_COUNT = 200;

/** Milliseconds without a live lease after which the leases are forgotten. The entries of their holders have expired long before. */
const LEASES_MS = 86_400_000;

/** Returns the script call for `PresenceStore.renew`. */
export function renewCall(
  keys: RedisKeys,
  { holder = '', leaseMs }: { readonly holder?: string; readonly leaseMs: number },
): ScriptCall<PresenceLeases> {
  return {
    script: presenceRenewScript,
    keys: [keys.presenceLeases],
    args: [holder, randomBytes(8).toString('hex'), leaseMs, LEASES_MS],
    parse: asLeases,
  };
}

/** Returns the script call for `PresenceStore.write`. */
export function writeCall(
  keys: RedisKeys,
  room: string,
  { holder, endsMs }: PresenceLease,
  edits: readonly PresenceEdit[],
): ScriptCall<PresenceChange | undefined> {
  const args: (string | number)[] = [holder, endsMs, PRESENCE_LIMITS.roomMs];
  for (const edit of edits) {
    if ('removedKey' in edit) args.push(edit.user, edit.removedKey, '');
    else args.push(edit.user, edit.connection.key, connectionLine(edit.connection, holder));
  }
  return {
    script: edits.every((edit) => 'removedKey' in edit) ? presenceRemoveScript : presenceWriteScript,
    keys: [keys.presence(room)],
    args,
    parse: (reply) => (reply === null ? undefined : asChange(room, reply)),
  };
}

/** Returns the script call for `PresenceStore.sweep`. */
export function sweepCall(
  keys: RedisKeys,
  room: string,
  holder: string,
  cursor: string,
): ScriptCall<{ readonly change: PresenceChange; readonly cursor: string | undefined }> {
  return {
    script: presenceSweepScript,
    keys: [keys.presence(room)],
    args: [holder, cursor === '' ? '0' : cursor, SWEEP_COUNT],
    parse: (reply) => {
      const [next, change] = asArray(reply);
      const nextCursor = asText(next);
      return { change: asChange(room, change), cursor: nextCursor === '0' ? undefined : nextCursor };
    },
  };
}

/** Returns the script call for `PresenceStore.read`. */
export function readCall(keys: RedisKeys, room: string, maxUsers: number): ScriptCall<RoomPresence> {
  return {
    script: presenceReadScript,
    keys: [keys.presence(room)],
    args: [maxUsers],
    parse: (reply) => {
      const [version, users, connections, pairs] = asArray(reply);
      return {
        version: asNumber(version),
        users: asNumber(users),
        connections: asNumber(connections),
        present: pairs === undefined ? undefined : readPairs(asPairs(pairs)).present,
      };
    },
  };
}

/** Returns the script call for `PresenceStore.announce`. */
export function announceChangesCall(
  keys: RedisKeys,
  changes: readonly PresenceChange[],
): ScriptCall<unknown> {
  const { maxAnnouncements, announcementsMs } = PRESENCE_LIMITS;
  return {
    script: presenceAnnounceScript,
    keys: [keys.presenceChanges],
    args: [maxAnnouncements, announcementsMs, announcementText(changes)],
    parse: (reply) => reply,
  };
}

function asLeases(reply: unknown): PresenceLeases {
  const [holder, endsMs, timeMs, live, ended] = asArray(reply);
  const ofCaller = asText(holder);
  return {
    lease: ofCaller === '' ? undefined : { holder: ofCaller, endsMs: asNumber(endsMs) },
    timeMs: asNumber(timeMs),
    live: asArray(live).map(asText),
    ended: asArray(ended).map(asText),
  };
}

function asChange(room: string, reply: unknown): PresenceChange {
  const [before, version, users, connections, pairs] = asArray(reply);
  return {
    room,
    before: asNumber(before),
    version: asNumber(version),
    users: asNumber(users),
    connections: asNumber(connections),
    ...readPairs(asPairs(pairs)),
  };
}

function asPairs(reply: unknown): [string, string][] {
  const items = asArray(reply);
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < items.length; at += 2) found.push([asText(items[at]), asText(items[at + 1])]);
  return found;
}

// Presence on Redis: a hash for each room, a set of rooms for each lease, a hash with the leases, and a bounded stream with
// the newest changes. Each step uses only one key, so that presence works on a cluster.
import {
  checkCount,
  checkName,
  checkPresenceEdits,
  checkPresenceRoom,
  checkPresentUser,
  invalid,
} from '../../arguments.js';
import {
  type AnnouncedChanges,
  PRESENCE_LIMITS,
  type PresenceChange,
  type PresenceEdit,
  type PresenceLease,
  type PresenceLeases,
  type PresenceStore,
  type PresentUser,
  type RoomPresence,
} from '../../port/presence.js';
import { asArray, asEntries, asText } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import type { RedisKeys } from '../keys.js';
import { announceChangesCall, readCall, renewCall, sweepCall, writeCall } from './presence-calls.js';
import { readAnnouncement, readUser } from './presence-texts.js';

/** Dependencies of {@link RedisPresence}. */
export interface RedisPresenceDependencies {
  readonly keys: RedisKeys;
  run<T>(call: ScriptCall<T>): Promise<T>;
  command(key: string, command: readonly string[]): Promise<unknown>;
}

/** Maximum number of announcements that one read returns. */
const READ_COUNT = 200;

/** The cursor that is before every announcement. */
const FIRST_CURSOR = '0-0';

/** The {@link PresenceStore} on Redis. */
export class RedisPresence implements PresenceStore {
  readonly #dependencies: RedisPresenceDependencies;

  constructor(dependencies: RedisPresenceDependencies) {
    this.#dependencies = dependencies;
  }

  async renew(request: { readonly holder?: string; readonly leaseMs: number }): Promise<PresenceLeases> {
    return this.#dependencies.run(renewCall(this.#dependencies.keys, request));
  }

  async addToIndex(holder: string, rooms: readonly string[]): Promise<void> {
    const key = this.#dependencies.keys.presenceIndex(holder);
    // Both commands are sent at once, so that a process that ends now leaves no key without a TTL.
    await Promise.all([
      this.#editIndex('SADD', holder, rooms),
      this.#dependencies.command(key, ['PEXPIRE', key, String(PRESENCE_LIMITS.roomMs)]),
    ]);
  }

  async removeFromIndex(holder: string, rooms: readonly string[]): Promise<void> {
    await this.#editIndex('SREM', holder, rooms);
  }

  async indexed(holder: string, count: number): Promise<readonly string[]> {
    checkName('holder', holder);
    checkCount(count);
    const { keys, command } = this.#dependencies;
    const key = keys.presenceIndex(holder);
    return asArray(await command(key, ['SRANDMEMBER', key, String(count)])).map(asText);
  }

  async forget(holder: string): Promise<void> {
    const { keys, command } = this.#dependencies;
    if ((await this.indexed(holder, 1)).length > 0) return;
    // An ended lease never lives again. Therefore nothing can have changed since the caller learned of the end.
    await command(keys.presenceLeases, ['HDEL', keys.presenceLeases, holder]);
  }

  async write(
    room: string,
    lease: PresenceLease,
    edits: readonly PresenceEdit[],
  ): Promise<PresenceChange | undefined> {
    checkPresenceRoom(room);
    checkPresenceEdits(edits);
    return this.#dependencies.run(writeCall(this.#dependencies.keys, room, lease, edits));
  }

  async sweep(
    room: string,
    holder: string,
    cursor: string,
  ): Promise<{ readonly change: PresenceChange; readonly cursor: string | undefined }> {
    checkPresenceRoom(room);
    checkName('holder', holder);
    return this.#dependencies.run(sweepCall(this.#dependencies.keys, room, holder, cursor));
  }

  async read(room: string, maxUsers: number): Promise<RoomPresence> {
    checkPresenceRoom(room);
    return this.#dependencies.run(readCall(this.#dependencies.keys, room, maxUsers));
  }

  async readUser(room: string, user: string): Promise<PresentUser | undefined> {
    checkPresenceRoom(room);
    checkPresentUser(user);
    const { keys, command } = this.#dependencies;
    const key = keys.presence(room);
    const text = await command(key, ['HGET', key, `u${user}`]);
    return typeof text === 'string' ? readUser(user, text) : undefined;
  }

  async announce(changes: readonly PresenceChange[]): Promise<void> {
    if (changes.length === 0 || changes.length > PRESENCE_LIMITS.maxChanges)
      throw invalid(`an announcement must have 1 to ${PRESENCE_LIMITS.maxChanges} changes`);
    await this.#dependencies.run(announceChangesCall(this.#dependencies.keys, changes));
  }

  async lastCursor(): Promise<string> {
    const { keys, command } = this.#dependencies;
    const key = keys.presenceChanges;
    const [last] = readEntries(await command(key, ['XREVRANGE', key, '+', '-', 'COUNT', '1']));
    return last?.id ?? FIRST_CURSOR;
  }

  async announcedAfter(cursor: string): Promise<AnnouncedChanges> {
    const { keys, command } = this.#dependencies;
    const key = keys.presenceChanges;
    const entries = readEntries(
      await command(key, ['XRANGE', key, `(${cursor}`, '+', 'COUNT', String(READ_COUNT)]),
    );
    const [first] = entries;
    if (first !== undefined && first.before !== cursor)
      return { cursor: await this.lastCursor(), changes: [], hasGap: true };
    return {
      cursor: entries.at(-1)?.id ?? cursor,
      changes: entries.flatMap(({ text }) => readAnnouncement(text)),
      hasGap: false,
    };
  }

  async #editIndex(command: 'SADD' | 'SREM', holder: string, rooms: readonly string[]): Promise<void> {
    checkName('holder', holder);
    checkCount(rooms.length);
    for (const room of rooms) checkPresenceRoom(room);
    const key = this.#dependencies.keys.presenceIndex(holder);
    await this.#dependencies.command(key, [command, key, ...rooms]);
  }
}

/** One announcement in the stream. */
interface AnnouncementEntry {
  readonly id: string;
  /** ID of the previous entry. */
  readonly before: string;
  readonly text: string;
}

/** Reads the entries from a reply of XRANGE. */
function readEntries(reply: unknown): readonly AnnouncementEntry[] {
  return asEntries(reply).map(({ id, fields }) => ({
    id,
    before: fields['b'] ?? '',
    text: fields['c'] ?? '',
  }));
}

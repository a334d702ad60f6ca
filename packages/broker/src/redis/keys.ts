// Builds all Redis keys; no other file builds keys. Every key begins with the prefix of the deployment, which is
// empty by default. All keys of one stream hash to the same slot, because the key of the stream has no braces
// and is the hash tag of its other keys. Therefore one script may access all keys of a stream. Each
// coalescing window has its own key, usually in another slot.
//
// Consumer groups share the streams and everything that belongs to the entries. Cursors, lease and slots
// belong to one group. The keys of the default group do not contain its name, because these keys are older
// than the option.
import { createHash } from 'node:crypto';
import { DEFAULT_GROUP } from '../options.js';
import type { WindowName } from '../port/windows.js';

/** Every key that belongs to one stream. */
export interface StreamKeys {
  /** Name of the stream, without the prefix. */
  readonly name: string;
  /** STREAM: the entries, and the consumer groups. */
  readonly stream: string;
  /**
   * HASH: subscriber → `cursor|heartbeatMs|advancedMs`. `advancedMs` is the time at which the cursor last moved, or was at the end
   * of the stream.
   */
  readonly cursors: string;
  /**
   * HASH with the lease (`owner`, `fence`, `expiresMs`) and the times by which pauses of Redis are noticed
   * (`pulseMs`, `graceUntilMs`). While entry IDs are ahead of the clock, it also has `aheadId`, `aheadMs` and
   * `agedId`. The hash has no TTL, because the fence must outlive the lease.
   */
  readonly lease: string;
  /**
   * HASH with the stream's epoch (`value`) and the state of the stream when it was last checked: the newest ID (`lastId`), the
   * number of entries ever appended (`entriesAdded`) and the run of the server (`runId`). If the Redis user is not permitted to send INFO, `mark`
   * identifies the run instead; see `restart-markers.ts`. `former` is the previous epoch. Up to the entry `upTo`, both epochs have
   * the same entries.
   */
  readonly epoch: string;
  /** STREAM: rejected entries. */
  readonly dead: string;
  /** STRING: the number of partitions. Exists only for declared streams. */
  readonly partitions: string;
  /** STRING: the number of entries that were ever removed before the default group had acknowledged them. */
  readonly expired: string;
  /** HASH: group → the same number for each other group whose subscribers have registered. */
  readonly expiredByGroup: string;
  /** STRING with TTL: the entry ID under which this `dedupeId` was appended. */
  dedupe(dedupeId: string): string;
  /** STRING with TTL: exists if this entry was rejected. */
  deadMark(entryId: string): string;
}

/** Options of {@link RedisKeys}. */
export interface RedisKeysOptions {
  /** Begins every key. @defaultValue '' */
  readonly prefix?: string;
  /** Name of the consumer group. @defaultValue 'signalr-consumers' */
  readonly group?: string;
}

/** Builds the keys of one deployment and one consumer group. */
export class RedisKeys {
  /** HASH: slot number → `expiresMs|length of the instance|instance|owner`. */
  readonly slots: string;
  /**
   * HASH with TTL: subscriber → `expiresMs|length|names as JSON`. The names are the event types that live
   * gateways can read. All groups share this key, because they share the dead letters.
   */
  readonly types: string;
  /** STRING: the number of the layout of all keys with this prefix; see `layout.ts`. The key does not exist for layout 1. */
  readonly layout: string;
  readonly #prefix: string;
  /** The end of each key that belongs to one stream and one group. */
  readonly #groupSuffix: string;

  constructor({ prefix = '', group = DEFAULT_GROUP }: RedisKeysOptions = {}) {
    this.#prefix = prefix;
    this.#groupSuffix = group === DEFAULT_GROUP ? '' : `:{${group}}`;
    this.slots = `${prefix}slots:{${group}}`;
    this.types = `${prefix}types:{${DEFAULT_GROUP}}`;
    this.layout = `${prefix}layout:{${DEFAULT_GROUP}}`;
  }

  /** Returns the keys of a stream. */
  ofStream(name: string): StreamKeys {
    const prefix = this.#prefix;
    const stream = this.stream(name);
    const dedupePrefix = `${prefix}dedupe:{${stream}}:`;
    const deadMarkPrefix = `${prefix}deadmark:{${stream}}:`;
    return {
      name,
      stream,
      cursors: `${prefix}cursors:{${stream}}${this.#groupSuffix}`,
      lease: `${prefix}lease:{${stream}}${this.#groupSuffix}`,
      epoch: `${prefix}epoch:{${stream}}`,
      dead: `${prefix}dead:{${stream}}`,
      partitions: `${prefix}partitions:{${stream}}`,
      expired: `${prefix}expired:{${stream}}`,
      expiredByGroup: `${prefix}expired:{${stream}}:{groups}`,
      dedupe: (dedupeId) => dedupePrefix + dedupeId,
      deadMark: (entryId) => deadMarkPrefix + entryId,
    };
  }

  /** Returns the key of a stream. */
  stream(name: string): string {
    return this.#prefix + name;
  }

  /** Returns the name of the stream with this key. */
  streamNameOf(key: string): string {
    return key.slice(this.#prefix.length);
  }

  /** Returns the map with the keys of streams in place of their names. Returns the same map if there is no prefix. */
  byKey<T>(byName: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
    if (this.#prefix === '') return byName;
    return new Map(Array.from(byName, ([name, value]) => [this.stream(name), value]));
  }

  /** Returns the map with the names of streams in place of their keys. Returns the same map if there is no prefix. */
  byName<T>(byKey: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
    if (this.#prefix === '') return byKey;
    return new Map(Array.from(byKey, ([key, value]) => [this.streamNameOf(key), value]));
  }

  /** STRING with TTL: a count, see `scripts/counters.ts`. The key contains a digest of the name, because a name may be any text. */
  counter(name: string): string {
    return `${this.#prefix}count:${createHash('sha1').update(name).digest('hex')}`;
  }

  /** HASH: the coalescing window of one slot in one room; see `scripts/windows.ts`. */
  window({ roomId, slot }: WindowName): string {
    return `${this.#prefix}coalesce:${escapeRoom(roomId)}:${slot}`;
  }

  /** ZSET: window key → due time in ms. It contains the open windows of a slot. */
  windowIndex(slot: string): string {
    return `${this.#prefix}coalesce-due:${slot}`;
  }

  /** Returns the window with this key, or `undefined` if the key does not belong to a window of this deployment. */
  windowNameOf(key: string): WindowName | undefined {
    if (!key.startsWith(this.#prefix)) return undefined;
    const [, roomId, slot] = /^coalesce:(.+):([a-z][a-z0-9_-]*)$/s.exec(key.slice(this.#prefix.length)) ?? [];
    return roomId === undefined || slot === undefined ? undefined : { roomId: unescapeRoom(roomId), slot };
  }
}

/**
 * Escapes braces and percent signs as in a URL, because Redis would take the text between braces as the hash
 * tag. A room ID without braces, `%25`, `%7B` and `%7D` stays unchanged.
 */
function escapeRoom(roomId: string): string {
  if (!/[{}]|%(?:25|7B|7D)/.test(roomId)) return roomId;
  return roomId.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D');
}

function unescapeRoom(escaped: string): string {
  return escaped.replaceAll('%7B', '{').replaceAll('%7D', '}').replaceAll('%25', '%');
}

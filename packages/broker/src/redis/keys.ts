// Builds all Redis keys. No other file builds keys. Every key begins with the prefix of the deployment, which is empty by
// default. If another system owns a stream, three of its keys have no prefix: the stream, the mark that tells other processes that the
// stream has an owner, and the revocations. All deployments that observe the stream share these keys, whatever their prefixes are.
//
// All keys of one stream hash to the same slot, so one script may access all of them. The key of the stream has no braces,
// and is the hash tag of its other keys. Each coalescing window has its own key, usually in another slot.
//
// Consumer groups share the streams and everything that belongs to the entries. Cursors, lease and slots belong to one group.
// The keys of the default group do not contain its name, because they are older than the option.
import { createHash } from 'node:crypto';
import {
  DEFAULT_GROUP,
  isObserved,
  isObserverGroup,
  observerGroupOf,
  type ResolvedBrokerOptions,
  type StreamOptions,
} from '../options.js';
import type { WindowName } from '../port/windows.js';

/** Every key that belongs to one stream. */
export interface StreamKeys {
  /** Name of the stream, without the prefix. */
  readonly name: string;
  /** True if another system owns the stream. The other keys then have a limited lifetime. */
  readonly isObserved: boolean;
  /** Name of the consumer group. */
  readonly group: string;
  /**
   * Tells if the name of the consumer group proves that the group is ours. `own`: it does, because the name is that of observers with
   * this prefix. `left`: it does once nobody observes the stream any more, because Millrace then owns the stream. Empty: it does not.
   */
  readonly groupProof: 'own' | 'left' | '';
  /** STREAM: the entries, and the consumer groups. */
  readonly stream: string;
  /**
   * HASH: subscriber → `cursor|heartbeatMs|advancedMs`. `advancedMs` is the time at which the cursor last moved, or was at the end
   * of the stream.
   */
  readonly cursors: string;
  /**
   * HASH with the lease (`owner`, `fence`, `expiresMs`) and the times that reveal pauses of Redis (`pulseMs`,
   * `graceUntilMs`). It also has `aheadId`, `aheadMs` and `agedId` while entry IDs are ahead of the clock. It has no TTL,
   * because the fence must outlive the lease.
   */
  readonly lease: string;
  /**
   * HASH with the stream's epoch (`value`) and the state of the stream when it was last checked: the newest ID (`lastId`), the
   * number of entries ever appended (`entriesAdded`) and the run of the server (`runId`). If the Redis user is not permitted to send INFO, `mark`
   * identifies the run instead; see `restart-markers.ts`. `former` is the previous epoch. Up to the entry `upTo`, both epochs have
   * the same entries. `erased`, `erasedFloor` and `erasedTrimmed` record the entries that erasures removed.
   */
  readonly epoch: string;
  /** STRING with TTL: the subscriber that copies the entries of other streams into this one. */
  readonly collector: string;
  /** HASH with TTL: other stream → ID up to which its entries were copied into this one, and `*` → 1. */
  readonly collected: string;
  /** STREAM: rejected entries. */
  readonly dead: string;
  /** ZSET: `ID of the control entry|ID of the erased entry` → ms of the control entry. The erased entries that are still in the stream. */
  readonly erasing: string;
  /** STRING: the number of partitions. Exists only for declared streams. */
  readonly partitions: string;
  /** STRING: the number of entries that were ever removed before the default group had acknowledged them. */
  readonly expired: string;
  /** HASH with TTL: name → `state|id|revokedId|endsMs|changedMs`, see `scripts/revocations.ts`. All groups share it. */
  readonly revoked: string;
  /** The HASH `revoked` of a deployment that owns the stream, if this one observes it; or of those that observe it, if this one owns it. */
  readonly revokedBefore: string | undefined;
  /** HASH: for each other group with registered subscribers, the same number. */
  readonly expiredByGroup: string;
  /** STRING with TTL: exists if another system owns the stream; see `scripts/observe.ts`. */
  readonly observed: string;
  /** STRING with TTL: the entry ID under which this `dedupeId` was appended. */
  dedupe(dedupeId: string): string;
  /** STRING with TTL: exists if this entry was rejected. */
  deadMark(entryId: string): string;
}

/** Options of {@link RedisKeys}. */
export interface RedisKeysOptions {
  /** Begins every key. @defaultValue '' */
  readonly prefix?: string;
  /** The groups of the streams that have one of their own. @defaultValue none */
  readonly groups?: ReadonlyMap<string, string>;
  /** Name of the consumer group. @defaultValue 'signalr-consumers' */
  readonly group?: string;
  /** Names of the streams that another system owns. Their keys have no prefix. @defaultValue none */
  readonly observed?: ReadonlySet<string>;
}

/** Builds the keys of one deployment. */
export class RedisKeys {
  /** HASH: slot number → `expiresMs|length of the instance|instance|owner`. */
  readonly slots: string;
  /**
   * HASH with TTL: subscriber → `expiresMs|length|names as JSON`. The names are the event types that live
   * gateways can read. All groups share this key, because they share the dead letters.
   */
  readonly types: string;
  /** STRING: the number of the layout; see `layout.ts`. It applies to all keys with this prefix. Layout 1 has no such key. */
  readonly layout: string;
  /**
   * HASH: holder of a presence lease → `endsMs`. `fence` is the number of the newest holder. Consumer groups share presence, because
   * they share the rooms.
   */
  readonly presenceLeases: string;
  /** STREAM with TTL: the newest changes of presence, for the other gateways. */
  readonly presenceChanges: string;
  readonly #prefix: string;
  readonly #group: string;
  readonly #groups: ReadonlyMap<string, string>;
  readonly #observed: ReadonlySet<string>;

  constructor({
    prefix = '',
    group = DEFAULT_GROUP,
    groups = new Map(),
    observed = new Set(),
  }: RedisKeysOptions = {}) {
    this.#prefix = prefix;
    this.#group = group;
    this.#observed = observed;
    this.#groups = groups;
    this.slots = `${prefix}slots:{${group}}`;
    this.types = `${prefix}types:{${DEFAULT_GROUP}}`;
    this.layout = `${prefix}layout:{${DEFAULT_GROUP}}`;
    this.presenceLeases = `${prefix}presence-leases`;
    this.presenceChanges = `${prefix}presence-changes`;
  }

  /** Returns the keys of a stream. */
  ofStream(name: string): StreamKeys {
    const prefix = this.#prefix;
    const stream = this.stream(name);
    const group = this.#groups.get(name) ?? this.#groups.get(declaredName(name)) ?? this.#group;
    const groupSuffix = group === DEFAULT_GROUP ? '' : `:{${group}}`;
    const dedupePrefix = `${prefix}dedupe:{${stream}}:`;
    const deadMarkPrefix = `${prefix}deadmark:{${stream}}:`;
    const [ofOwner, ofObservers] = [
      `${this.#prefixOf(name)}revoked:{${stream}}`,
      `millrace:revoked:{${stream}}`,
    ];
    return {
      name,
      isObserved: this.#observed.has(name),
      group,
      groupProof: this.#groupProofOf(name, group),
      stream,
      cursors: `${prefix}cursors:{${stream}}${groupSuffix}`,
      lease: `${prefix}lease:{${stream}}${groupSuffix}`,
      epoch: `${prefix}epoch:{${stream}}`,
      collector: `${prefix}collector:{${stream}}`,
      collected: `${prefix}collected:{${stream}}`,
      dead: `${prefix}dead:{${stream}}`,
      erasing: `${prefix}erasing:{${stream}}`,
      partitions: `${prefix}partitions:{${stream}}`,
      revoked: this.#observed.has(name) ? ofObservers : ofOwner,
      // A stream whose key has our prefix never belonged to another system.
      revokedBefore: this.#observed.has(name) ? ofOwner : prefix === '' ? ofObservers : undefined,
      expired: `${prefix}expired:{${stream}}`,
      expiredByGroup: `${prefix}expired:{${stream}}:{groups}`,
      observed: `${this.#prefixOf(name)}millrace:observed:{${stream}}`,
      dedupe: (dedupeId) => dedupePrefix + dedupeId,
      deadMark: (entryId) => deadMarkPrefix + entryId,
    };
  }

  /** True for a stream that Millrace keeps for itself: dead letters, and changes of presence. */
  isInternal(key: string): boolean {
    return key === this.presenceChanges || key.startsWith(`${this.#prefix}dead:{`);
  }

  /** Returns the key of a stream. */
  stream(name: string): string {
    return this.#prefixOf(name) + name;
  }

  /** Returns the name of the stream with this key. */
  streamNameOf(key: string): string {
    return this.#observed.has(key) ? key : key.slice(this.#prefix.length);
  }

  /** Returns the map with streams' keys in place of their names, or the same map without a prefix. */
  byKey<T>(byName: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
    if (this.#prefix === '') return byName;
    return new Map(Array.from(byName, ([name, value]) => [this.stream(name), value]));
  }

  /** Returns the map with streams' names in place of their keys, or the same map without a prefix. */
  byName<T>(byKey: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
    if (this.#prefix === '') return byKey;
    return new Map(Array.from(byKey, ([key, value]) => [this.streamNameOf(key), value]));
  }

  #groupProofOf(stream: string, group: string): StreamKeys['groupProof'] {
    if (this.#observed.has(stream)) return group === observerGroupOf(this.#prefix) ? 'own' : '';
    return isObserverGroup(group) ? 'left' : '';
  }

  /** Returns the prefix of a stream's own key. */
  #prefixOf(stream: string): string {
    return this.#observed.has(stream) ? '' : this.#prefix;
  }

  /** STRING with TTL: a count, see `scripts/counters.ts`. The key contains a digest of the name, because a name may be any text. */
  counter(name: string): string {
    return `${this.#prefix}count:${createHash('sha1').update(name).digest('hex')}`;
  }

  /**
   * HASH with TTL: who is in a room. `v` is its version and `n` the number of connections; `u<user>` has the connections of a user,
   * see `presence/presence-texts.ts`. Each room has its own slot.
   */
  presence(roomId: string): string {
    return `${this.#prefix}presence:{${escapeRoom(roomId)}}`;
  }

  /** SET: the rooms in which there may be entries of a presence lease. */
  presenceIndex(holder: string): string {
    return `${this.#prefix}presence-index:{${holder}}`;
  }

  /** HASH: the coalescing window of one slot in one room; see `scripts/windows.ts`. */
  window({ roomId, slot }: WindowName): string {
    return `${this.#prefix}coalesce:${escapeRoom(roomId)}:${slot}`;
  }

  /** ZSET: window key → due time in ms. It contains the open windows of a slot. */
  windowIndex(slot: string): string {
    return `${this.#prefix}coalesce-due:${slot}`;
  }

  /** Returns the window with this key. Returns `undefined` if the key is not that of a window of this deployment. */
  windowNameOf(key: string): WindowName | undefined {
    if (!key.startsWith(this.#prefix)) return undefined;
    const [, roomId, slot] = /^coalesce:(.+):([a-z][a-z0-9_-]*)$/s.exec(key.slice(this.#prefix.length)) ?? [];
    return roomId === undefined || slot === undefined ? undefined : { roomId: unescapeRoom(roomId), slot };
  }
}

/** Returns the keys of a broker with these options. */
export function keysOf({ group, streams }: ResolvedBrokerOptions, prefix: string): RedisKeys {
  const groups = streams.flatMap((stream) =>
    stream.group === undefined ? [] : [[stream.name, stream.group] as const],
  );
  return new RedisKeys({ prefix, group, groups: new Map(groups), observed: observedNames(streams) });
}

/** Returns the names of the streams that another system owns. */
export function observedNames(streams: readonly StreamOptions[]): ReadonlySet<string> {
  return new Set(streams.filter(isObserved).map(({ name }) => name));
}

/** Returns the name of the declared stream of which this may be a partition. */
function declaredName(stream: string): string {
  return stream.replace(/\.p\d+$/, '');
}

/**
 * Escapes braces and percent signs as in a URL. Redis would otherwise take the text between braces as the hash tag. A room ID
 * without braces, `%25`, `%7B` and `%7D` stays unchanged.
 */
function escapeRoom(roomId: string): string {
  if (!/[{}]|%(?:25|7B|7D)/.test(roomId)) return roomId;
  return roomId.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D');
}

function unescapeRoom(escaped: string): string {
  return escaped.replaceAll('%7B', '{').replaceAll('%7D', '}').replaceAll('%25', '%');
}

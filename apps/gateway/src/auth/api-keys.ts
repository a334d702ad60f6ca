// API keys decide which backends may publish or change members over HTTP, and limit the rooms and the event types. A comparison always
// takes the same time, even if a part of a guessed key is right.
import { createHash, timingSafeEqual } from 'node:crypto';
import { matchesPattern } from './room-access.js';

/** The scopes of API keys. The scopes without routes are reserved. */
export const API_KEY_SCOPES = ['publish', 'read', 'members', 'erase', 'admin'] as const;

/** One of {@link API_KEY_SCOPES}. */
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

/** An API key with a name and limits. It has either `key` or `sha256`. */
export interface ApiKey {
  /** Name of the owner, for logs. */
  readonly name: string;
  /** The key itself: 16 printable ASCII characters or more. */
  readonly key?: string;
  /** SHA-256 digest of the key in hexadecimal, so that the configuration contains no secret: `printf %s "$KEY" | sha256sum`. */
  readonly sha256?: string;
  /** @defaultValue ['publish'] */
  readonly scopes?: readonly ApiKeyScope[];
  /** Rooms into which the key may publish, and whose members it may change. A trailing `*` makes a prefix. @defaultValue every room */
  readonly rooms?: readonly string[];
  /**
   * Tenant of the key. The key may publish only into rooms of this tenant. @defaultValue none: the key may
   * publish into the rooms of all tenants
   */
  readonly tenant?: string;
  /** Event types that the key may publish. A trailing `*` makes a prefix. @defaultValue every type */
  readonly types?: readonly string[];
}

/** An API key that a request has presented. */
export interface KnownApiKey {
  readonly name: string;
  readonly tenant: string | undefined;
  has(scope: ApiKeyScope): boolean;
  /** True if the key is not limited to other rooms. */
  allowsRoom(roomId: string): boolean;
  /** Returns the field of an event that the key does not allow, or `undefined` if the key allows the event. */
  forbiddenField(event: {
    readonly event_type: string;
    readonly room_id: string;
  }): 'event_type' | 'room_id' | undefined;
}

/** The configured API keys. */
export class ApiKeys {
  readonly #known: readonly (KnownApiKey & { readonly digest: Buffer })[];

  /** @param keys keys with limits, and plain keys without limits */
  constructor(keys: readonly (string | ApiKey)[]) {
    this.#known = keys.map((key, index) =>
      known(typeof key === 'string' ? { name: `key ${index + 1}`, key } : key),
    );
  }

  get isEmpty(): boolean {
    return this.#known.length === 0;
  }

  /** Returns the key that was presented, or `undefined` if it is not one of the configured keys. */
  find(presented: string | undefined): KnownApiKey | undefined {
    if (presented === undefined) return undefined;
    const digest = digestOf(presented);
    // All configured keys are compared, without an early exit. The time therefore does not depend on the key.
    return this.#known.filter((key) => timingSafeEqual(key.digest, digest))[0];
  }
}

function known({ name, key = '', sha256, scopes = ['publish'], rooms, tenant, types }: ApiKey) {
  return {
    name,
    tenant,
    digest: sha256 === undefined ? digestOf(key) : Buffer.from(sha256, 'hex'),
    has: (scope: ApiKeyScope) => scopes.includes(scope),
    allowsRoom: (roomId: string) => matches(roomId, rooms),
    forbiddenField: ({ event_type, room_id }: { readonly event_type: string; readonly room_id: string }) => {
      if (!matches(room_id, rooms)) return 'room_id' as const;
      return matches(event_type, types) ? undefined : ('event_type' as const);
    },
  };
}

function matches(text: string, patterns: readonly string[] | undefined): boolean {
  return patterns === undefined || patterns.some((pattern) => matchesPattern(text, pattern));
}

/** Digests are compared, because `timingSafeEqual` needs inputs of equal length. */
function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

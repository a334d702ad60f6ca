/*
 * Connection tokens that any instance can check: the negotiated data, signed with a key that all instances have. Pure, except for
 * the random ids.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The content of a token. */
export interface TokenContent {
  /** The connection id: 128 random bits. The id is public. */
  readonly connectionId: string;
  /** True when stateful reconnect was negotiated. */
  readonly isResumable: boolean;
  /** True for negotiate version 0, where the token is the connection id, too. */
  readonly isVersion0: boolean;
  /** The time until which a transport may be opened with the token, in whole seconds since 1970. */
  readonly expiresAtSeconds: number;
  /** A digest of the id of the user who negotiated; see {@link isTokenFor}. Null if every user may open the connection. */
  readonly owner: string | null;
}

/** True when this user may open the connection of a token. */
export function isTokenFor({ connectionId, owner }: TokenContent, userId: string | null): boolean {
  if (owner === null) return true;
  return (
    userId !== null &&
    digestOf(Buffer.from(connectionId, 'base64url'), userId).toString('base64url') === owner
  );
}

/**
 * Returns the digest of a user id. A token contains only the digest, because tokens appear in URLs. The digest includes the
 * connection id. Otherwise two tokens of one user could be linked.
 */
function digestOf(connectionId: Uint8Array, userId: string): Buffer {
  return createHash('sha256').update(connectionId).update(userId).digest().subarray(0, OWNER_BYTES);
}

const ID_BYTES = 16;
const OWNER_BYTES = 16;
const MAC_BYTES = 16;
const ID_AT = 5;
const OWNER_AT = ID_AT + ID_BYTES;
const CONTENT_BYTES = OWNER_AT + OWNER_BYTES;
/** Minimum length of a key. */
export const MINIMUM_KEY_BYTES = 32;
const RESUMABLE = 1;
const VERSION_0 = 2;
const OWNED = 4;

/** Signs and checks the tokens of one hub. Layout: flags, expiry (32 bits), id, owner, then 128 bits of HMAC-SHA-256. */
export class SignedTokens {
  readonly #keys: readonly (string | Uint8Array)[];
  readonly #hub: string;

  /**
   * @param keys the first key signs new tokens. A token is accepted if any of the keys has signed it
   * @param hub makes the token of one hub invalid for all other hubs
   */
  constructor(keys: readonly (string | Uint8Array)[], hub: string) {
    this.#keys = keys;
    this.#hub = hub;
  }

  /**
   * Creates a token with a random connection id.
   * @param userId the only user who may open the connection. Null allows every user
   */
  create(content: Omit<TokenContent, 'connectionId' | 'owner'>, userId: string | null = null): string {
    const id = randomBytes(ID_BYTES);
    const bytes = Buffer.alloc(CONTENT_BYTES);
    bytes[0] =
      (content.isResumable ? RESUMABLE : 0) |
      (content.isVersion0 ? VERSION_0 : 0) |
      (userId === null ? 0 : OWNED);
    bytes.writeUInt32BE(content.expiresAtSeconds, 1);
    id.copy(bytes, ID_AT);
    if (userId !== null) digestOf(id, userId).copy(bytes, OWNER_AT);
    return Buffer.concat([bytes, this.#sign(bytes, this.#keys[0] ?? '')]).toString('base64url');
  }

  /**
   * Returns the content of a token, or undefined if none of the keys has signed it. Also reads an expired token, because its
   * connection may still be open.
   */
  read(token: string): TokenContent | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== CONTENT_BYTES + MAC_BYTES || bytes.toString('base64url') !== token) return undefined;
    const [content, mac] = [bytes.subarray(0, CONTENT_BYTES), bytes.subarray(CONTENT_BYTES)];
    if (!this.#keys.some((key) => timingSafeEqual(this.#sign(content, key), mac))) return undefined;
    const flags = content[0] ?? 0;
    return {
      connectionId: content.subarray(ID_AT, OWNER_AT).toString('base64url'),
      isResumable: (flags & RESUMABLE) !== 0,
      isVersion0: (flags & VERSION_0) !== 0,
      expiresAtSeconds: content.readUInt32BE(1),
      owner: (flags & OWNED) === 0 ? null : content.subarray(OWNER_AT).toString('base64url'),
    };
  }

  #sign(content: Uint8Array, key: string | Uint8Array): Buffer {
    const mac = createHmac('sha256', key).update(this.#hub).update('\0').update(content).digest();
    return mac.subarray(0, MAC_BYTES);
  }
}

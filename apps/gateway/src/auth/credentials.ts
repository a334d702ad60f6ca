// The secrets and API keys that a gateway accepts now. A reload replaces them while connections stay open.
import { randomBytes } from 'node:crypto';
import { type ResolvedGatewayOptions, secretsOf } from '../settings/options.js';
import { ApiKeys } from './api-keys.js';

/** Options that a reload can change. */
export type CredentialOptions = Pick<ResolvedGatewayOptions, 'jwtSecret' | 'jwtSecrets' | 'apiKeys'>;

/** The accepted secrets and API keys, which a reload replaces. */
export class Credentials {
  /** A random secret of this process. It signs tokens in development mode if no secret is configured. */
  readonly #ownSecret = randomBytes(32).toString('hex');
  readonly #hasKeyServer: boolean;
  #signingSecret = '';
  #secrets: readonly Uint8Array[] = [];
  #apiKeys = new ApiKeys([]);

  constructor(options: CredentialOptions & Pick<ResolvedGatewayOptions, 'jwksUrl'>) {
    this.#hasKeyServer = options.jwksUrl !== undefined;
    this.replace(options);
  }

  /** The secrets whose tokens are accepted. */
  get secrets(): readonly Uint8Array[] {
    return this.#secrets;
  }

  /** The secret with which the gateway signs. */
  get signingSecret(): string {
    return this.#signingSecret;
  }

  get apiKeys(): ApiKeys {
    return this.#apiKeys;
  }

  /** Replaces all secrets and API keys. */
  replace(options: CredentialOptions): void {
    const configured = secretsOf(options);
    const secrets = configured.length > 0 || this.#hasKeyServer ? configured : [this.#ownSecret];
    this.#signingSecret = secrets[0] ?? this.#ownSecret;
    this.#secrets = secrets.map(encode);
    this.#apiKeys = new ApiKeys(options.apiKeys);
  }
}

function encode(secret: string): Uint8Array {
  return new TextEncoder().encode(secret);
}

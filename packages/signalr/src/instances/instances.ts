/*
 * One hub on several instances behind one address, without sticky sessions. All instances can check the connection tokens, and a
 * directory stores which instance serves each connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  checkOptions,
  nearestName,
  type OptionRules,
  objectWith,
  required,
  secret,
} from '@millrace/internal';
import { invalidOption } from '../errors.js';
import type { ConnectionDirectory } from './connection-directory.js';
import {
  type ForwardLimits,
  type ForwardOutcome,
  forwardRequest,
  forwardUpgrade,
  isForwarded,
} from './forwarding.js';
import { MINIMUM_KEY_BYTES, SignedTokens } from './signed-tokens.js';

/** The data that the instances of a server share, so that any of them can receive any request of a client. @beta */
export interface InstanceOptions {
  /**
   * Keys that sign connection tokens, the same on all instances. Each key has at least 32 bytes. The first key signs new
   * tokens. A token is accepted if any of the keys has signed it.
   */
  readonly signingKeys: readonly (string | Uint8Array)[];
  /** The address at which the other instances reach the HTTP server of this instance, without a path: `http://10.0.0.7:8080`. */
  readonly url: string;
  /** The directory that all instances share. */
  readonly directory: ConnectionDirectory;
}

/** The instance that serves the connection of a request. */
export type ConnectionLocation =
  | { readonly kind: 'here' }
  | { readonly kind: 'elsewhere'; readonly url: string }
  /** The directory gave no answer. */
  | { readonly kind: 'unknown'; readonly error: unknown };

const HERE: ConnectionLocation = { kind: 'here' };

/**
 * Tells whether the text is an address without path, query, fragment and credentials. A path would be ignored, because each
 * forwarded request has its own.
 */
function isBareAddress(text: unknown): boolean {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === '/' && username + password + search + hash === '';
}

const RULES: OptionRules<InstanceOptions> = {
  signingKeys: required(
    secret({
      mustBe: `a list of at least one key, each of ${MINIMUM_KEY_BYTES} bytes or more`,
      isMet: (keys) => Array.isArray(keys) && keys.length > 0 && keys.every(isKey),
    }),
  ),
  url: required({
    mustBe: 'an address like http://10.0.0.7:8080, with nothing after the port',
    isMet: isBareAddress,
  }),
  directory: required(objectWith(['claim', 'find', 'release'])),
};

function isKey(key: unknown): boolean {
  return (
    (typeof key === 'string' || key instanceof Uint8Array) && Buffer.byteLength(key) >= MINIMUM_KEY_BYTES
  );
}

/** @throws SignalRError `invalid_option` */
export function checkedInstances(options: InstanceOptions): InstanceOptions {
  return checkOptions(options, RULES, (fault) => invalidOption(`instances.${fault}`), nearestName);
}

/** Finds the instances that serve the connections of one hub, and forwards requests to them. */
export class Instances {
  readonly tokens: SignedTokens;
  readonly #options: InstanceOptions;
  readonly #limits: ForwardLimits;
  /** The sockets of forwarded upgrades. The host process limits their number, as for all sockets. */
  readonly #tunnels = new Set<Duplex>();

  constructor(options: InstanceOptions, hubPath: string, limits: ForwardLimits) {
    this.tokens = new SignedTokens(options.signingKeys, hubPath);
    this.#options = options;
    this.#limits = limits;
  }

  /**
   * Finds the instance that serves a connection, by the token of the request. Called only for connections that this instance does
   * not serve. Never rejects.
   */
  async locate(token: string, request: IncomingMessage): Promise<ConnectionLocation> {
    if (isForwarded(request)) return HERE;
    const content = this.tokens.read(token);
    if (content === undefined) return HERE;
    // Any instance may serve a WebSocket without stateful reconnect, because its connection has a single request.
    if (request.headers.upgrade !== undefined && !content.isResumable) return HERE;
    try {
      const url = await this.#options.directory.find(content.connectionId);
      return url === undefined || url === this.#options.url ? HERE : { kind: 'elsewhere', url };
    } catch (error) {
      return { kind: 'unknown', error };
    }
  }

  /**
   * Claims a connection for this instance. Resolves with false if another instance has claimed it. Rejects if the directory
   * rejects.
   */
  async claim(token: string): Promise<boolean> {
    const content = this.tokens.read(token);
    return content === undefined || this.#options.directory.claim(content.connectionId, this.#options.url);
  }

  /** Releases the claim of this instance. Has no effect if there is no claim. */
  release(token: string): void {
    const content = this.tokens.read(token);
    if (content !== undefined) this.#options.directory.release(content.connectionId, this.#options.url);
  }

  forward(request: IncomingMessage, response: ServerResponse, url: string): Promise<ForwardOutcome> {
    return forwardRequest(request, response, url, this.#limits);
  }

  forwardUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    url: string,
  ): Promise<ForwardOutcome> {
    this.#tunnels.add(socket);
    socket.once('close', () => this.#tunnels.delete(socket));
    return forwardUpgrade(request, socket, head, url, this.#limits);
  }

  /** Ends the sockets of forwarded upgrades. Their clients reconnect. */
  close(): void {
    for (const socket of this.#tunnels) socket.destroy();
  }
}

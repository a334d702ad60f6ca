/*
 * One hub on several instances behind one address, without sticky sessions: tokens that all of them can check, and a
 * directory that says who serves what.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { SignalRError } from '../errors.js';
import type { ConnectionDirectory } from './connection-directory.js';
import {
  type ForwardLimits,
  type ForwardOutcome,
  forwardRequest,
  forwardUpgrade,
  isForwarded,
} from './forwarding.js';
import { SignedTokens } from './signed-tokens.js';

/** What several instances of a server share, so that any of them may get any request of a client. */
export interface InstanceOptions {
  /** Sign connection tokens: at least 32 bytes each, the same on all instances. The first signs, all are accepted. */
  readonly signingKeys: readonly (string | Uint8Array)[];
  /** Where the other instances reach this one's HTTP server, without a path: `http://10.0.0.7:8080`. */
  readonly url: string;
  /** Who serves which connection. */
  readonly directory: ConnectionDirectory;
}

/** Where a request belongs. */
export type Place =
  | { readonly kind: 'here' }
  | { readonly kind: 'elsewhere'; readonly url: string }
  /** The directory cannot be asked. */
  | { readonly kind: 'unknown'; readonly error: unknown };

const HERE: Place = { kind: 'here' };

/** Requests are forwarded with their own path: another one would be dropped in silence. */
function isBareAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === '/' && username + password + search + hash === '';
}

/** The instances as one hub sees them. */
export class Instances {
  readonly tokens: SignedTokens;
  readonly #options: InstanceOptions;
  readonly #limits: ForwardLimits;
  /** Upgraded sockets of connections that live elsewhere; bounded by the host as sockets are. */
  readonly #tunnels = new Set<Duplex>();

  /** @throws SignalRError `invalid_option` */
  constructor(options: InstanceOptions, hubPath: string, limits: ForwardLimits) {
    if (!isBareAddress(options.url)) {
      throw new SignalRError(
        'invalid_option',
        'instances.url is an address like http://10.0.0.7:8080, without a path or anything else behind the port.',
      );
    }
    this.tokens = new SignedTokens(options.signingKeys, hubPath);
    this.#options = options;
    this.#limits = limits;
  }

  /** Where a request with the token of a connection that is not here belongs. Never rejects. */
  async placeOf(token: string, request: IncomingMessage): Promise<Place> {
    if (isForwarded(request)) return HERE;
    const content = this.tokens.read(token);
    if (content === undefined) return HERE;
    // The one request of a plain WebSocket is never for another instance.
    if (request.headers.upgrade !== undefined && !content.isResumable) return HERE;
    try {
      const url = await this.#options.directory.find(content.connectionId);
      return url === undefined || url === this.#options.url ? HERE : { kind: 'elsewhere', url };
    } catch (error) {
      return { kind: 'unknown', error };
    }
  }

  /** Says that a connection is served here. False when another instance was first. Rejects as the directory does. */
  async claim(token: string): Promise<boolean> {
    const content = this.tokens.read(token);
    return content === undefined || this.#options.directory.claim(content.connectionId, this.#options.url);
  }

  /** Forgets a claim. Harmless where there was none. */
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

  /** Ends what is forwarded over sockets of its own; its clients find another way. */
  close(): void {
    for (const socket of this.#tunnels) socket.destroy();
  }
}

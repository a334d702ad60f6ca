/*
 * One hub on several instances behind one address, without sticky sessions: tokens that all instances can check, and a directory of
 * the instance that serves each connection.
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

/** The data that the instances of a server share, so that each of them can receive any request of a client. */
export interface InstanceOptions {
  /** Keys that sign connection tokens: at least 32 bytes each, the same on all instances. The first signs, all are accepted. */
  readonly signingKeys: readonly (string | Uint8Array)[];
  /** The address at which the other instances reach this one's HTTP server, without a path: `http://10.0.0.7:8080`. */
  readonly url: string;
  /** The directory that all instances share. */
  readonly directory: ConnectionDirectory;
}

/** The instance that serves the connection of a request. */
export type ConnectionLocation =
  | { readonly kind: 'here' }
  | { readonly kind: 'elsewhere'; readonly url: string }
  /** The directory cannot be asked. */
  | { readonly kind: 'unknown'; readonly error: unknown };

const HERE: ConnectionLocation = { kind: 'here' };

/** Requests are forwarded with their own path, so a path in the address would be ignored. */
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
  /** Upgraded sockets of connections on other instances; bounded by the host, like all sockets. */
  readonly #tunnels = new Set<Duplex>();

  /** @throws SignalRError `invalid_option` */
  constructor(options: InstanceOptions, hubPath: string, limits: ForwardLimits) {
    if (!isBareAddress(options.url)) {
      throw new SignalRError(
        'invalid_option',
        'The option instances.url must be an address like http://10.0.0.7:8080, with nothing after the port.',
      );
    }
    this.tokens = new SignedTokens(options.signingKeys, hubPath);
    this.#options = options;
    this.#limits = limits;
  }

  /** Finds the instance of a connection that this instance does not have, by the request's token. Never rejects. */
  async locate(token: string, request: IncomingMessage): Promise<ConnectionLocation> {
    if (isForwarded(request)) return HERE;
    const content = this.tokens.read(token);
    if (content === undefined) return HERE;
    // A WebSocket without stateful reconnect has a single request, which any instance may serve.
    if (request.headers.upgrade !== undefined && !content.isResumable) return HERE;
    try {
      const url = await this.#options.directory.find(content.connectionId);
      return url === undefined || url === this.#options.url ? HERE : { kind: 'elsewhere', url };
    } catch (error) {
      return { kind: 'unknown', error };
    }
  }

  /** Claims a connection for this instance. False when another instance was first. Rejects as the directory does. */
  async claim(token: string): Promise<boolean> {
    const content = this.tokens.read(token);
    return content === undefined || this.#options.directory.claim(content.connectionId, this.#options.url);
  }

  /** Releases a claim. Harmless where there was none. */
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

  /** Ends forwarded sockets; their clients reconnect. */
  close(): void {
    for (const socket of this.#tunnels) socket.destroy();
  }
}

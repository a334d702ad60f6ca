/*
 * Sends messages to receivers in this process, and then to receivers on the other instances. Also calls
 * single clients, whichever instance they are connected to.
 */
import type { HubConnection } from '../connection/hub-connection.js';
import { MessageType } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import { SerializedHubMessage, type SharedMessage } from '../protocol/serialized-hub-message.js';
import type { Address } from './address.js';
import type { Call, ConnectionRequest } from './connection-request.js';
import type { HubLifetimeManager } from './hub-lifetime-manager.js';
import type { RemoteHub } from './remote-hub.js';

/** Constructor dependencies of {@link HubSender}. */
export interface HubSenderDependencies {
  /** The connections of this process. */
  readonly manager: HubLifetimeManager;
  readonly protocols: readonly HubProtocol[];
  /** The same hub on the other instances. Undefined if there is no backplane. */
  readonly remote: RemoteHub | undefined;
}

/** The options of a send. */
export interface SendOptions {
  /** Set if only the newest message with this key matters; see `ClientProxy.latest`. */
  readonly key?: string | undefined;
  /** True if all receivers are connections of this process. */
  readonly isHereOnly?: boolean | undefined;
}

/** The options of a call. */
export interface InvokeOptions extends Pick<SendOptions, 'isHereOnly'> {
  /** Cancels the call when it is aborted. */
  readonly signal: AbortSignal | undefined;
}

/** Sends through the manager, and through the remote hub if there are other instances. */
export class HubSender {
  readonly #dependencies: HubSenderDependencies;

  constructor(dependencies: HubSenderDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Queues an invocation for every receiver of this process before `send` returns. Also passes it to the other instances,
   * without waiting for them. The invocation is encoded once per protocol.
   * @returns the number of connections of this process for which the invocation was queued
   * @throws SignalRError `unserializable`. Nothing was queued then. With other instances, every protocol must be able to
   *   encode the invocation
   */
  send(address: Address, call: Call, options: SendOptions): number {
    return this.relay(address, new SerializedHubMessage({ type: MessageType.invocation, ...call }), options);
  }

  /** Does the same as `send`, for a message that may have been sent before. */
  relay(address: Address, message: SharedMessage, options: SendOptions): number {
    const { manager, protocols, remote } = this.#dependencies;
    if (remote === undefined || options.isHereOnly === true || this.#isHere(address)) {
      return manager.send(address, message, options.key);
    }
    // Every encoding is made before any message is queued, so that no instance sends a message that one protocol cannot
    // encode.
    for (const protocol of protocols) message.encodedFor(protocol);
    const count = manager.send(address, message, options.key);
    remote.send(address, message, options.key);
    return count;
  }

  /**
   * Calls one connection and waits for its answer.
   * @throws SignalRError (as a rejection) `unknown_connection`, `not_ready`, `backplane_unavailable`, and the errors of
   * `ClientResults.call`
   */
  invoke(connectionId: string, call: Call, { signal, isHereOnly }: InvokeOptions): Promise<unknown> {
    const { manager, remote } = this.#dependencies;
    return remote === undefined || isHereOnly === true || this.#find(connectionId) !== undefined
      ? manager.invoke(connectionId, call, signal)
      : remote.invoke(connectionId, call, signal);
  }

  /**
   * Carries out a request for a connection. The request takes effect before the call returns if the connection is in this
   * process. Resolves with false if no instance has the connection, or if there was nothing to do.
   */
  async request(connectionId: string, request: ConnectionRequest): Promise<boolean> {
    const { manager, remote } = this.#dependencies;
    return remote === undefined || this.#find(connectionId) !== undefined
      ? manager.request(connectionId, request)
      : remote.request(connectionId, request);
  }

  /**
   * Tells whether all receivers are connections of this process. Connection ids are unique, so no other instance has these
   * connections.
   */
  #isHere(address: Address): boolean {
    return address.kind === 'connections' && address.names.every((name) => this.#find(name) !== undefined);
  }

  #find(connectionId: string): HubConnection | undefined {
    return this.#dependencies.manager.connection(connectionId);
  }
}

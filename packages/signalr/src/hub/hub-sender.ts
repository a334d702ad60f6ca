/*
 * Sends and calls to any receivers: first to those of this process, then to those of the other instances.
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
  /** The same hub on the other instances; absent where this instance is the only one. */
  readonly remote: RemoteHub | undefined;
}

/** The options of a send. */
export interface SendOptions {
  /** Set where only the newest matters; see `ClientProxy.latest`. */
  readonly key?: string | undefined;
  /** True for a message to connections of this process alone. */
  readonly isHereOnly?: boolean | undefined;
}

/** The options of a call. */
export interface InvokeOptions extends Pick<SendOptions, 'isHereOnly'> {
  /** Gives the call up. */
  readonly signal: AbortSignal | undefined;
}

/** Without other instances it only passes calls to the manager. */
export class HubSender {
  readonly #dependencies: HubSenderDependencies;

  constructor(dependencies: HubSenderDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Queues one invocation on every receiver here before it returns, encoded once per protocol, then passes it on to the other
   * instances without waiting for them.
   * @returns the number of connections here that it was queued to
   * @throws SignalRError `unserializable`; nothing was queued then. With other instances it has to fit every protocol
   */
  send(address: Address, call: Call, options: SendOptions): number {
    return this.relay(address, new SerializedHubMessage({ type: MessageType.invocation, ...call }), options);
  }

  /** As `send`, with a message that may have been sent before. */
  relay(address: Address, message: SharedMessage, options: SendOptions): number {
    const { manager, protocols, remote } = this.#dependencies;
    if (remote === undefined || options.isHereOnly === true || this.#isHere(address)) {
      return manager.send(address, message, options.key);
    }
    // Before anything is queued: a message that some instance could not send is sent by none.
    for (const protocol of protocols) message.encodedFor(protocol);
    const count = manager.send(address, message, options.key);
    remote.send(address, message, options.key);
    return count;
  }

  /**
   * Calls one connection and waits for its answer.
   * @throws SignalRError (as a rejection) `unknown_connection`, `not_ready`, `backplane_unavailable`, and those of
   * `ClientResults.call`
   */
  invoke(connectionId: string, call: Call, { signal, isHereOnly }: InvokeOptions): Promise<unknown> {
    const { manager, remote } = this.#dependencies;
    return remote === undefined || isHereOnly === true || this.#find(connectionId) !== undefined
      ? manager.invoke(connectionId, call, signal)
      : remote.invoke(connectionId, call, signal);
  }

  /** Takes effect before it returns for a connection of this process. False when no instance has it, or there was nothing to do. */
  async request(connectionId: string, request: ConnectionRequest): Promise<boolean> {
    const { manager, remote } = this.#dependencies;
    return remote === undefined || this.#find(connectionId) !== undefined
      ? manager.request(connectionId, request)
      : remote.request(connectionId, request);
  }

  /** Ids are unique: a connection of this process is on no other instance. */
  #isHere(address: Address): boolean {
    return address.kind === 'connections' && address.names.every((name) => this.#find(name) !== undefined);
  }

  #find(connectionId: string): HubConnection | undefined {
    return this.#dependencies.manager.connection(connectionId);
  }
}

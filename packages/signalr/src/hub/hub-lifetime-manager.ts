/*
 * The connections, groups and users of this process, and sending to any set of them. Everything here is synchronous: the next send
 * sees every change.
 */
import { notReady, unknownConnection } from '../connection/call-errors.js';
import type { HubConnection } from '../connection/hub-connection.js';
import { MessageType } from '../protocol/hub-message.js';
import type { SharedMessage } from '../protocol/serialized-hub-message.js';
import { type Address, type AddressBook, receiversOf } from './address.js';
import type { Call, ConnectionRequest } from './connection-request.js';

const EMPTY: ReadonlySet<HubConnection> = new Set();

/**
 * Connections are bounded by the host; groups and users vanish with their last connection. The hub bounds the groups of a
 * connection, because its code joins them.
 */
export class HubLifetimeManager implements AddressBook {
  readonly #connections = new Map<string, HubConnection>();
  readonly #groups = new Map<string, Set<HubConnection>>();
  readonly #users = new Map<string, Set<HubConnection>>();

  get connectionCount(): number {
    return this.#connections.size;
  }

  get waitingBytes(): number {
    let sum = 0;
    for (const connection of this.#connections.values()) sum += connection.waitingBytes;
    return sum;
  }

  register(connection: HubConnection): void {
    this.#connections.set(connection.connectionId, connection);
    const { userId } = connection.principal;
    if (userId !== null) addTo(this.#users, userId, connection);
  }

  unregister(connection: HubConnection): void {
    this.#connections.delete(connection.connectionId);
    const { userId } = connection.principal;
    if (userId !== null) removeFrom(this.#users, userId, connection);
    for (const group of connection.groups ?? []) removeFrom(this.#groups, group, connection);
    connection.groups = undefined;
  }

  /** False when there is no such connection. Adding twice is harmless. */
  addToGroup(connectionId: string, group: string): boolean {
    const connection = this.#connections.get(connectionId);
    if (connection === undefined) return false;
    connection.groups ??= new Set();
    connection.groups.add(group);
    addTo(this.#groups, group, connection);
    return true;
  }

  /** False when the connection was not in the group. */
  removeFromGroup(connectionId: string, group: string): boolean {
    const connection = this.#connections.get(connectionId);
    if (connection?.groups?.delete(group) !== true) return false;
    if (connection.groups.size === 0) connection.groups = undefined;
    removeFrom(this.#groups, group, connection);
    return true;
  }

  /** Carries out a request to a connection. False when it is not here, or there was nothing to do. */
  request(connectionId: string, request: ConnectionRequest): boolean {
    if (request.kind === 'add') return this.addToGroup(connectionId, request.group);
    if (request.kind === 'remove') return this.removeFromGroup(connectionId, request.group);
    const connection = this.#connections.get(connectionId);
    connection?.close('aborted');
    return connection !== undefined;
  }

  connection(connectionId: string): HubConnection | undefined {
    return this.#connections.get(connectionId);
  }

  connections(): Iterable<HubConnection> {
    return this.#connections.values();
  }

  group(name: string): ReadonlySet<HubConnection> {
    return this.#groups.get(name) ?? EMPTY;
  }

  groupNames(): Iterable<string> {
    return this.#groups.keys();
  }

  user(userId: string): ReadonlySet<HubConnection> {
    return this.#users.get(userId) ?? EMPTY;
  }

  userIds(): Iterable<string> {
    return this.#users.keys();
  }

  /**
   * Queues a message on every receiver of this process before it returns.
   * @param key set where only the newest matters; see `ClientProxy.latest`
   * @returns the number of connections that it was queued to; those that are ending do not count
   * @throws SignalRError `unserializable`; nothing was queued then, as the first receiver's encoding fails
   */
  send(address: Address, message: SharedMessage, key?: string): number {
    const { named, isExcluded } = receiversOf(address, this);
    let count = 0;
    for (const connection of named) {
      if (isExcluded?.(connection) === true) continue;
      if (connection.send(message, key)) count += 1;
    }
    return count;
  }

  /**
   * Calls one connection of this process and waits for its answer.
   * @throws SignalRError (as a rejection) `unknown_connection`, `not_ready`, and those of `ClientResults.call`
   */
  invoke(connectionId: string, call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    const connection = this.#connections.get(connectionId);
    if (connection === undefined) return Promise.reject(unknownConnection(connectionId));
    if (!connection.isReading) return Promise.reject(notReady());
    return connection.results.call(
      (invocationId) => connection.write({ type: MessageType.invocation, invocationId, ...call }),
      signal,
    );
  }
}

function addTo(map: Map<string, Set<HubConnection>>, key: string, connection: HubConnection): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([connection]));
  else set.add(connection);
}

function removeFrom(map: Map<string, Set<HubConnection>>, key: string, connection: HubConnection): void {
  const set = map.get(key);
  if (set?.delete(connection) === true && set.size === 0) map.delete(key);
}

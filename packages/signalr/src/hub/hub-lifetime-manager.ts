/*
 * The connections, groups and users of one hub in this process, and sending to any of them. Everything is synchronous, so
 * that each send takes all earlier changes into account.
 */
import { notReady, unknownConnection } from '../connection/call-errors.js';
import type { HubConnection } from '../connection/hub-connection.js';
import { MessageType } from '../protocol/hub-message.js';
import type { SharedMessage } from '../protocol/serialized-hub-message.js';
import { type Address, type AddressBook, receiversOf } from './address.js';
import type { Call, ConnectionRequest } from './connection-request.js';

/**
 * The connections of a group or a user. A single connection is stored without a set, because most users have only one, and a
 * set takes 150 bytes.
 */
type Members = HubConnection | Set<HubConnection>;

const NOBODY: readonly HubConnection[] = [];

/**
 * Keeps the connections of one hub by id, group and user. A group or user is kept only while it has connections. The host
 * process limits the number of connections. The number of groups of a connection has no limit here, because only the hub's
 * own code joins groups.
 */
export class HubLifetimeManager implements AddressBook {
  readonly #connections = new Map<string, HubConnection>();
  readonly #groups = new Map<string, Members>();
  readonly #users = new Map<string, Members>();

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

  /** Adds a connection to a group. Has no effect if it is a member already. Returns false if there is no such connection. */
  addToGroup(connectionId: string, group: string): boolean {
    const connection = this.#connections.get(connectionId);
    if (connection === undefined) return false;
    connection.groups ??= new Set();
    connection.groups.add(group);
    addTo(this.#groups, group, connection);
    return true;
  }

  /** Removes a connection from a group. Returns false if it was not a member. */
  removeFromGroup(connectionId: string, group: string): boolean {
    const connection = this.#connections.get(connectionId);
    if (connection?.groups?.delete(group) !== true) return false;
    if (connection.groups.size === 0) connection.groups = undefined;
    removeFrom(this.#groups, group, connection);
    return true;
  }

  /**
   * Carries out a request for a connection. Returns false if this process does not have the connection, or if there was nothing to
   * do.
   */
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

  group(name: string): Iterable<HubConnection> {
    return listOf(this.#groups.get(name));
  }

  /** The number of connections in a group. */
  groupSize(name: string): number {
    const members = this.#groups.get(name);
    if (members === undefined) return 0;
    return members instanceof Set ? members.size : 1;
  }

  groupNames(): Iterable<string> {
    return this.#groups.keys();
  }

  user(userId: string): Iterable<HubConnection> {
    return listOf(this.#users.get(userId));
  }

  userIds(): Iterable<string> {
    return this.#users.keys();
  }

  /**
   * Queues a message for every receiver of this process before `send` returns.
   * @param key set if only the newest message with this key matters; see `ClientProxy.latest`
   * @returns the number of connections for which the message was queued, without connections that are ending
   * @throws SignalRError `unserializable`. The encoding fails for the first receiver, so nothing was queued
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
   * @throws SignalRError (as a rejection) `unknown_connection`, `not_ready`, and the errors of `ClientResults.call`
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

function listOf(members: Members | undefined): Iterable<HubConnection> {
  if (members === undefined) return NOBODY;
  return members instanceof Set ? members : [members];
}

function addTo(map: Map<string, Members>, key: string, connection: HubConnection): void {
  const members = map.get(key);
  if (members instanceof Set) members.add(connection);
  else if (members === undefined) map.set(key, connection);
  else if (members !== connection) map.set(key, new Set([members, connection]));
}

function removeFrom(map: Map<string, Members>, key: string, connection: HubConnection): void {
  const members = map.get(key);
  if (members === connection) map.delete(key);
  else if (members instanceof Set && members.delete(connection) && members.size === 0) map.delete(key);
}

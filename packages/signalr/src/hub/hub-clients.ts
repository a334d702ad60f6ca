/*
 * Turns the names of groups, users and connections into addresses, and sends to them with the types of the hub's client interface.
 */
import type { JsonText } from '../protocol/json-text.js';
import type { PreparedCall } from '../protocol/prepared-call.js';
import type { SharedCall } from '../protocol/shared-call.js';
import type { Address } from './address.js';
import type { CallScope } from './call-scope.js';
import type { HubSender, SendOptions } from './hub-sender.js';

/**
 * The arguments of one client method. Each argument may be replaced by a {@link JsonText}, which is passed on unchanged.
 * @beta
 */
export type TargetArguments<Target> = Target extends (...args: infer Args) => unknown
  ? { readonly [Index in keyof Args]: Args[Index] | JsonText }
  : never;

/** A set of receivers. Every send looks up the receivers again. @beta */
export interface ClientProxy<Client> {
  /**
   * Calls the client method `target` on every receiver. Synchronous. The message is encoded once per protocol, and is in the
   * queue of each receiver when `send` returns. Messages keep the order of the calls. A receiver that is gone is skipped. A
   * receiver with a full queue is closed, and its client may reconnect.
   *
   * With a backplane, the message is also published to the other instances, without waiting for them. There, messages arrive
   * at most once, in the order of the calls.
   * @returns the number of connections of this process for which the message was queued
   * @throws SignalRError `unserializable` if the message cannot be encoded. Nothing is sent then. With a backplane, every
   *   protocol must be able to encode the message
   */
  send<Target extends keyof Client & string>(
    target: Target,
    ...args: TargetArguments<Client[Target]>
  ): number;
  /**
   * Sends a prepared call, as `send` does. Use it for a call that is sent several times or to several sets of receivers. Such
   * a call is encoded only once.
   * @throws SignalRError `unserializable` if a shared call cannot be encoded. Nothing is sent then
   */
  relay(call: PreparedCall | SharedCall): number;
  /**
   * Returns the same receivers, for messages that the next one makes obsolete, such as a price. A new message replaces a
   * waiting message with the same key if the receiver reads too slowly. The replaced message is not sent, and is reported as
   * `message_replaced`.
   */
  latest(key: string): ClientProxy<Client>;
}

/** The answer of a client's method. @beta */
export type TargetResult<Target> = Target extends (...args: never) => infer Result ? Awaited<Result> : never;

/** A single receiver, which can also be asked for an answer (client results). @beta */
export interface SingleClientProxy<Client> extends ClientProxy<Client> {
  /**
   * Calls `target` on the client and waits for its answer. Check the answer, because the client can send any value. While a
   * hub method waits, the next invocation of its caller may begin. A client cannot be asked while its `onConnected` runs,
   * because its answers are not read yet.
   * @throws SignalRError (as a rejection) `unknown_connection`, `not_ready`, `disconnected`, `canceled`, `too_many_calls`,
   *   `unserializable`. For clients of other instances also `backplane_unavailable` and `server_closed`
   * @throws HubError (as a rejection) with the client's error text if the client's method failed
   */
  invoke<Target extends keyof Client & string>(
    target: Target,
    ...args: TargetArguments<Client[Target]>
  ): Promise<TargetResult<Client[Target]>>;
  /**
   * Returns the same client, for calls that the signal can cancel. An aborted signal rejects waiting calls with `canceled`. A
   * late answer is ignored.
   */
  withSignal(signal: AbortSignal): SingleClientProxy<Client>;
}

/** Receivers on all instances, addressed from anywhere in the server. Names of groups and users are case-sensitive. @beta */
export interface HubClients<Client> {
  readonly all: ClientProxy<Client>;
  allExcept(connectionIds: readonly string[]): ClientProxy<Client>;
  client(connectionId: string): SingleClientProxy<Client>;
  clients(connectionIds: readonly string[]): ClientProxy<Client>;
  group(name: string): ClientProxy<Client>;
  /** The members of any of the groups. A member of several groups gets the message once. */
  groups(names: readonly string[]): ClientProxy<Client>;
  groupExcept(name: string, connectionIds: readonly string[]): ClientProxy<Client>;
  /** The members of the group, except all connections of one user. Use it if that user's devices already have the message. */
  groupExceptUser(name: string, userId: string): ClientProxy<Client>;
  /** All connections of a user. */
  user(userId: string): ClientProxy<Client>;
  users(userIds: readonly string[]): ClientProxy<Client>;
}

/** The receivers that a hub method can address. In addition to {@link HubClients}, they include the caller. @beta */
export interface HubCallerClients<Client> extends HubClients<Client> {
  readonly caller: SingleClientProxy<Client>;
  /** All connections except the caller. */
  readonly others: ClientProxy<Client>;
  othersInGroup(name: string): ClientProxy<Client>;
}

/** See {@link HubClients}. */
export class AddressedHubClients<Client> implements HubClients<Client> {
  protected readonly sender: HubSender;
  /**
   * The running call that uses this object. Undefined outside of a call. The call releases its slot while it
   * waits for a client.
   */
  protected readonly scope: CallScope | undefined;

  constructor(sender: HubSender, scope?: CallScope) {
    this.sender = sender;
    this.scope = scope;
  }

  get all(): ClientProxy<Client> {
    return this.proxy({ kind: 'all' });
  }

  allExcept(connectionIds: readonly string[]): ClientProxy<Client> {
    return this.proxy({ kind: 'all', exceptConnections: connectionIds });
  }

  client(connectionId: string): SingleClientProxy<Client> {
    return new AddressedClientProxy<Client>(this.sender, connectionId, { scope: this.scope });
  }

  clients(connectionIds: readonly string[]): ClientProxy<Client> {
    return this.proxy({ kind: 'connections', names: connectionIds });
  }

  group(name: string): ClientProxy<Client> {
    return this.proxy({ kind: 'groups', names: [name] });
  }

  groups(names: readonly string[]): ClientProxy<Client> {
    return this.proxy({ kind: 'groups', names });
  }

  groupExcept(name: string, connectionIds: readonly string[]): ClientProxy<Client> {
    return this.proxy({ kind: 'groups', names: [name], exceptConnections: connectionIds });
  }

  groupExceptUser(name: string, userId: string): ClientProxy<Client> {
    return this.proxy({ kind: 'groups', names: [name], exceptUser: userId });
  }

  user(userId: string): ClientProxy<Client> {
    return this.proxy({ kind: 'users', names: [userId] });
  }

  users(userIds: readonly string[]): ClientProxy<Client> {
    return this.proxy({ kind: 'users', names: userIds });
  }

  protected proxy(address: Address, options: SendOptions = {}): ClientProxy<Client> {
    return new AddressedProxy<Client>(this.sender, address, options);
  }
}

/** See {@link ClientProxy}. */
class AddressedProxy<Client> implements ClientProxy<Client> {
  readonly #sender: HubSender;
  readonly #address: Address;
  readonly #options: SendOptions;

  constructor(sender: HubSender, address: Address, options: SendOptions) {
    this.#sender = sender;
    this.#address = address;
    this.#options = options;
  }

  send<Target extends keyof Client & string>(
    target: Target,
    ...args: TargetArguments<Client[Target]>
  ): number {
    return this.#sender.send(this.#address, { target, arguments: args }, this.#options);
  }

  relay(call: PreparedCall | SharedCall): number {
    return this.#sender.relay(this.#address, call, this.#options);
  }

  latest(key: string): ClientProxy<Client> {
    return new AddressedProxy<Client>(this.#sender, this.#address, { ...this.#options, key });
  }
}

/** The options of a call on one client. */
interface SingleCall extends SendOptions {
  readonly scope: CallScope | undefined;
  readonly signal?: AbortSignal;
}

/** See {@link SingleClientProxy}. */
class AddressedClientProxy<Client> implements SingleClientProxy<Client> {
  readonly #sender: HubSender;
  readonly #connectionId: string;
  readonly #call: SingleCall;

  constructor(sender: HubSender, connectionId: string, call: SingleCall) {
    this.#sender = sender;
    this.#connectionId = connectionId;
    this.#call = call;
  }

  send<Target extends keyof Client & string>(
    target: Target,
    ...args: TargetArguments<Client[Target]>
  ): number {
    const address: Address = { kind: 'connections', names: [this.#connectionId] };
    return this.#sender.send(address, { target, arguments: args }, this.#call);
  }

  relay(call: PreparedCall | SharedCall): number {
    return this.#sender.relay({ kind: 'connections', names: [this.#connectionId] }, call, this.#call);
  }

  latest(key: string): ClientProxy<Client> {
    return new AddressedClientProxy<Client>(this.#sender, this.#connectionId, { ...this.#call, key });
  }

  async invoke<Target extends keyof Client & string>(
    target: Target,
    ...args: TargetArguments<Client[Target]>
  ): Promise<TargetResult<Client[Target]>> {
    const { scope, signal, isHereOnly } = this.#call;
    scope?.releaseSlot();
    const call = { target, arguments: args };
    const result = await this.#sender.invoke(this.#connectionId, call, { signal, isHereOnly });
    return result as TargetResult<Client[Target]>; // unchecked, as `SingleClientProxy.invoke` documents
  }

  withSignal(signal: AbortSignal): SingleClientProxy<Client> {
    return new AddressedClientProxy<Client>(this.#sender, this.#connectionId, { ...this.#call, signal });
  }
}

/** See {@link HubCallerClients}. */
export class AddressedHubCallerClients<Client>
  extends AddressedHubClients<Client>
  implements HubCallerClients<Client>
{
  readonly #callerId: string;

  constructor(sender: HubSender, callerId: string, scope: CallScope | undefined) {
    super(sender, scope);
    this.#callerId = callerId;
  }

  get caller(): SingleClientProxy<Client> {
    const call = { scope: this.scope, isHereOnly: true };
    return new AddressedClientProxy<Client>(this.sender, this.#callerId, call);
  }

  get others(): ClientProxy<Client> {
    return this.allExcept([this.#callerId]);
  }

  othersInGroup(name: string): ClientProxy<Client> {
    return this.groupExcept(name, [this.#callerId]);
  }
}

/*
 * The receivers of a send, as plain data that can be sent to other instances. Each instance looks up its own matching connections.
 */
import type { HubConnection } from '../connection/hub-connection.js';

/** Connections that do not receive a send. */
interface Exceptions {
  /** The ids of the excluded connections. */
  readonly exceptConnections?: readonly string[];
  /** The id of a user. None of the user's connections receives the send. */
  readonly exceptUser?: string;
}

/** A set of receivers. Names are case-sensitive. Unknown names are ignored. */
export type Address = Exceptions &
  (
    | { readonly kind: 'all' }
    /** `names` holds connection ids, group names or user ids. A connection that matches several names is one receiver. */
    | { readonly kind: 'connections' | 'groups' | 'users'; readonly names: readonly string[] }
  );

/** Finds connections of this process by the names that an address can contain. */
export interface AddressBook {
  connection(connectionId: string): HubConnection | undefined;
  connections(): Iterable<HubConnection>;
  group(name: string): Iterable<HubConnection>;
  user(userId: string): Iterable<HubConnection>;
}

/** The connections of this process that an address matches now. */
export interface Receivers {
  /** The connections that the address names, each of them once. */
  readonly named: Iterable<HubConnection>;
  /**
   * Returns true for a connection that is left out. Undefined if no connection is left out. It is a function, because a list
   * of the remaining connections would cost as much as sending to them.
   */
  readonly isExcluded: ((connection: HubConnection) => boolean) | undefined;
}

/** Finds the connections of this process that an address matches. */
export function receiversOf(address: Address, book: AddressBook): Receivers {
  return { named: namedBy(address, book), isExcluded: exclusionOf(address) };
}

function exclusionOf({ exceptConnections, exceptUser }: Address): Receivers['isExcluded'] {
  if (exceptConnections === undefined) {
    if (exceptUser === undefined) return undefined;
    return ({ principal: { userId } }) => userId === exceptUser;
  }
  const excluded = new Set(exceptConnections);
  return ({ connectionId, principal: { userId } }) =>
    excluded.has(connectionId) || (exceptUser !== undefined && userId === exceptUser);
}

function namedBy(address: Address, book: AddressBook): Iterable<HubConnection> {
  if (address.kind === 'all') return book.connections();
  const { kind, names } = address;
  if (kind === 'groups') return union(names, (name) => book.group(name));
  if (kind === 'users') return union(names, (name) => book.user(name));
  return union(names, (name) => asList(book.connection(name)));
}

/**
 * Returns the union of the sets. For a single name, returns the set itself without a copy. Most sends have a single name, so
 * they cost only a lookup.
 */
function union(
  names: readonly string[],
  find: (name: string) => Iterable<HubConnection>,
): Iterable<HubConnection> {
  const [first] = names;
  if (names.length === 1 && first !== undefined) return find(first);
  return new Set(names.flatMap((name) => [...find(name)]));
}

function asList(connection: HubConnection | undefined): readonly HubConnection[] {
  return connection === undefined ? [] : [connection];
}

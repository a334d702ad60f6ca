/*
 * The receivers of a send, as data that can travel: each instance resolves it to its own connections.
 */
import type { HubConnection } from '../connection/hub-connection.js';

/** Connections that a send leaves out. */
interface Exceptions {
  /** Connection ids. */
  readonly exceptConnections?: readonly string[];
  /** A user id: all connections of this user are left out. */
  readonly exceptUser?: string;
}

/** A set of receivers. Names are case-sensitive; unknown ones are ignored. */
export type Address = Exceptions &
  (
    | { readonly kind: 'all' }
    /** By connection id, group name or user id; a connection that matches several is one receiver. */
    | { readonly kind: 'connections' | 'groups' | 'users'; readonly names: readonly string[] }
  );

/** The connections in which an address is looked up. */
export interface AddressBook {
  connection(connectionId: string): HubConnection | undefined;
  connections(): Iterable<HubConnection>;
  group(name: string): ReadonlySet<HubConnection>;
  user(userId: string): ReadonlySet<HubConnection>;
}

/** The connections of this process that an address matches now. */
export interface Receivers {
  /** Each once. */
  readonly named: Iterable<HubConnection>;
  /** True for those to leave out; absent when there are none. Called per connection: a list of the others would cost as much as sending to them. */
  readonly isExcluded: ((connection: HubConnection) => boolean) | undefined;
}

/** Looks an address up. */
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

/** The union of the sets. For a single name it is the set itself, so that most sends cost a lookup only. */
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

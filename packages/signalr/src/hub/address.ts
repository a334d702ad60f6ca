/*
 * Who a send is for, as data: it can travel, and means on every instance the connections that are there then.
 */
import type { HubConnection } from '../connection/hub-connection.js';

/** Who is left out of a send. */
interface Exceptions {
  /** Connection ids. */
  readonly exceptConnections?: readonly string[];
  /** A user id: none of this user's connections is sent it. */
  readonly exceptUser?: string;
}

/** A set of receivers. Names are case-sensitive, those that nobody has are passed over. */
export type Address = Exceptions &
  (
    | { readonly kind: 'all' }
    /** By connection id, group name or user id; whoever is in several is one receiver. */
    | { readonly kind: 'connections' | 'groups' | 'users'; readonly names: readonly string[] }
  );

/** Who is where, as an address is looked up in it. */
export interface AddressBook {
  connection(connectionId: string): HubConnection | undefined;
  connections(): Iterable<HubConnection>;
  group(name: string): ReadonlySet<HubConnection>;
  user(userId: string): ReadonlySet<HubConnection>;
}

/** The connections of this process that an address means now. */
export interface Receivers {
  /** Each once. */
  readonly named: Iterable<HubConnection>;
  /** Who of them is left out; absent when nobody is. Asked one by one: a list of the others would cost as much as sending to them. */
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

/** Of a single name the very set: to look it up is all that most sends cost. */
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

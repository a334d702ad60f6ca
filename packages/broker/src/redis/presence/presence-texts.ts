// The texts in which presence is stored in Redis. Pure.
//
// The text of a user in a room begins with `sinceMs`. One line per connection follows:
// `key|holder|enteredMs|held|stateMs|about<TAB>state`. `about` and `state` are JSON texts, so they contain neither line feeds
// nor tabs. Later builds may add `|…` after `sinceMs` and `<TAB>…` after `state`.
//
// The text of an announcement is JSON: a list of `{ r, b, v, u, n, p }` (room, before, version, users, connections, pairs of
// user and text). The text in a pair is '' if the user is not in the room.
import type { PresenceChange, PresentConnection, PresentUser } from '../../port/presence.js';

/** Returns the line of a connection. */
export function connectionLine(
  { key, enteredMs, isHeld, stateMs, about, state }: Omit<PresentConnection, 'holder'>,
  holder: string,
): string {
  return `${key}|${holder}|${enteredMs}|${isHeld ? 1 : 0}|${stateMs}|${about}\t${state}`;
}

/** Returns the text of a user. */
function userText({ sinceMs, connections }: PresentUser): string {
  return [sinceMs, ...connections.map((connection) => connectionLine(connection, connection.holder))].join(
    '\n',
  );
}

/** Reads the text of a user. Returns `undefined` if the text contains no connection. */
export function readUser(user: string, text: string): PresentUser | undefined {
  const [since = '', ...lines] = text.split('\n');
  const connections = lines.flatMap((line) => readLine(line) ?? []);
  if (connections.length === 0) return undefined;
  return { user, sinceMs: Number.parseInt(since, 10) || 0, connections };
}

function readLine(line: string): PresentConnection | undefined {
  const found = /^([^|]*)\|([^|]*)\|(\d+)\|([01])\|(\d+)\|([^\t]*)\t([^\t]*)/.exec(line);
  if (found === null) return undefined;
  const [, key = '', holder = '', enteredMs, held, stateMs, about = '', state = ''] = found;
  return {
    key,
    holder,
    enteredMs: Number(enteredMs),
    isHeld: held === '1',
    stateMs: Number(stateMs),
    about,
    state,
  };
}

/** Splits pairs of user and text: users who are in the room, and IDs of users who are not. */
export function readPairs(
  pairs: Iterable<readonly [user: string, text: string]>,
): Pick<PresenceChange, 'present' | 'absent'> {
  const present: PresentUser[] = [];
  const absent: string[] = [];
  // A user may occur several times. The last text is the newest.
  for (const [user, text] of new Map(pairs)) {
    const found = readUser(user, text);
    if (found === undefined) absent.push(user);
    else present.push(found);
  }
  return { present, absent };
}

/** Returns the text of an announcement. */
export function announcementText(changes: readonly PresenceChange[]): string {
  return JSON.stringify(
    changes.map(({ room, before, version, users, connections, present, absent }) => ({
      r: room,
      b: before,
      v: version,
      u: users,
      n: connections,
      p: [...present.map((user) => [user.user, userText(user)]), ...absent.map((user) => [user, ''])],
    })),
  );
}

/** Reads the text of an announcement. Returns an empty list if the text has another form. */
export function readAnnouncement(text: string): readonly PresenceChange[] {
  try {
    const items = JSON.parse(text) as readonly Item[];
    return items.map(({ r, b, v, u, n, p }) => ({
      room: r,
      before: b,
      version: v,
      users: u,
      connections: n,
      ...readPairs(p),
    }));
  } catch {
    // Another program wrote this text, perhaps over a change. The periodic read of the rooms finds such a change.
    return [];
  }
}

/** One change in an announcement. */
interface Item {
  readonly r: string;
  readonly b: number;
  readonly v: number;
  readonly u: number;
  readonly n: number;
  readonly p: readonly (readonly [string, string])[];
}

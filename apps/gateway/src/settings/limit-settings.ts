// The part of the table of settings that limits clients and users. All of these limits are per gateway.
import { bytes, milliseconds, wholeNumber } from './setting-kinds.js';
import type { SettingRow } from './setting-row.js';

/** Maximum of the rooms of one connection. The default of `maxClientCallsBurst` is computed from this number. */
const maxRooms = 10_000_000;

/** Limits of one connection. */
export const clientLimitRows: readonly SettingRow[] = [
  [
    'maxRoomsPerConnection',
    wholeNumber({ max: maxRooms }),
    'Maximum number of rooms that one connection may have joined.',
  ],
  [
    'maxOutboundBytes',
    bytes(),
    'Maximum number of bytes that may wait for one connection. Beyond half of it the connection gets the rest from memory, at its own pace; beyond all of it, it is closed.',
  ],
  [
    'maxOutboundMessages',
    wholeNumber(),
    'Maximum number of messages that may wait for one connection, with the same effects.',
  ],
  [
    'typingExpiryMs',
    milliseconds(),
    'Time after which a typing indicator without a new start expires.',
    'what its event types declare: 10,000',
  ],
];

/** Limits of one user, over all connections to this gateway. A client that is not signed in shares those of its address. */
export const userLimitRows: readonly SettingRow[] = [
  ['maxConnectionsPerUser', wholeNumber(), 'Maximum number of open connections of one user.'],
  [
    'maxPendingConnectionsPerUser',
    wholeNumber(),
    'Maximum number of connections that one user has negotiated and not opened. Not enforced with `instanceUrl`: they take no memory then.',
  ],
  [
    'maxRoomsPerUser',
    wholeNumber(),
    'Maximum number of rooms that one user may have joined over all connections.',
  ],
  [
    'maxClientCallsPerSecond',
    wholeNumber(),
    'Number of calls and other messages per second that one user may send. A call beyond it is refused, and a connection that continues is closed. A negotiation and a new connection count as 5 each.',
  ],
  [
    'maxClientCallsBurst',
    wholeNumber(),
    'Number of calls and other messages that one user may send at once after a pause. At least 2 × `maxRoomsPerConnection` + 100, so that a client that reconnects can rejoin all of its rooms.',
    '2 × `maxRoomsPerConnection` + 1,000',
  ],
  [
    'maxClientEventsPerSecond',
    wholeNumber(),
    'Maximum number of typing events and receipts per second of one user, over all connections to this gateway.',
  ],
  [
    'maxClientEventsBurst',
    wholeNumber(),
    'Maximum number of typing events and receipts that one user may send at once after a pause.',
  ],
  [
    'usersPerAddress',
    wholeNumber(),
    'Number of users for whom one address stands where nobody is signed in: the limits above, times this number.',
  ],
];

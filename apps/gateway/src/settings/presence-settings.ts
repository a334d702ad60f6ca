// The part of the table of settings that concerns presence.
import { flag, milliseconds, wholeNumber } from './setting-kinds.js';
import type { SettingRow } from './setting-row.js';

/** Settings of presence. All gateways of a deployment need the same values. */
export const presenceRows: readonly SettingRow[] = [
  [
    'isPresenceOn',
    flag(),
    'Whether the gateway records who is in which room. 0 saves about one write to Redis per join and leave; the methods and routes of presence are refused then.',
  ],
  [
    'presenceGraceMs',
    milliseconds(100, 600_000),
    'Time for which a lost connection, and the connections of a gateway that died, still count as present. A client that comes back within it was never away for the others.',
  ],
  [
    'presenceIntervalMs',
    milliseconds(10, 10_000),
    'Interval at which the gateway writes the changes of presence and reads those of the other gateways. All changes of a room within it are one message.',
  ],
  [
    'maxPresenceMembers',
    wholeNumber({ min: 0, max: 10_000 }),
    'Maximum number of members of a room that are listed. Of a room with more members only the numbers are given.',
  ],
];

// The part of the table of settings that concerns tenants. All of these limits are per gateway.
import { faultOfTenantPattern } from '../tenants/tenants.js';
import { text, wholeNumber } from './setting-kinds.js';
import type { SettingRow } from './setting-row.js';

/** Settings of tenants: how a room names its tenant, and the limits of one tenant. */
export const tenantRows: readonly SettingRow[] = [
  [
    'tenantPattern',
    text({
      rule: 'a JavaScript regular expression with one group: `^t:([^:]+):` takes `acme` from the room `t:acme:order-42`',
      faultOf: faultOfTenantPattern,
    }),
    'Takes the tenant from a room ID: the text of the group. A room that does not match has no tenant, and none of these limits. Rooms of users (`user:<id>`) are rooms as well, and a user belongs to the tenant of this room: `^(?:t:|user:)([^:]+):` also takes `acme` from `user:acme:ana`, which is then in the room of everybody of this tenant (`*:acme`). Programs may give the function `tenantOf` instead.',
    'none: rooms have no tenants',
  ],
  [
    'maxTenantEventsPerSecond',
    wholeNumber(),
    'Maximum number of events per second that may be published over HTTP into the rooms of one tenant. Beyond it the answer is 429. The same rate limits typing events and receipts of its clients, separately.',
  ],
  [
    'maxTenantEventsBurst',
    wholeNumber(),
    'Maximum number of events that may be published at once into the rooms of one tenant after a pause. A larger request is accepted after a pause that is long enough.',
  ],
  [
    'maxConnectionsPerTenant',
    wholeNumber(),
    'Maximum number of connections that have joined a room of the same tenant.',
  ],
  [
    'maxReplayBytesPerTenant',
    wholeNumber({ unit: 'bytes' }),
    'Maximum memory for delivered events of one tenant. When the memory is full, the tenant that uses the most of it loses its oldest events in any case.',
    'the memory for all tenants',
  ],
];

// Requirements of OWASP ASVS 5.0.0, chapters V8 to V16: rights, tokens, configuration, code and logs. Each requirement is
// told in our own words, with its tests.

const access = (file) => `e2e/tests/access/${file}.test.ts`;
const events = (file) => `e2e/tests/events/${file}.test.ts`;
const signalr = (path) => `packages/signalr/test/${path}.test.ts`;
const gateway = (path) => `apps/gateway/test/${path}.test.ts`;
const aRefusedToken = [
  access('token-rules'),
  'a token %s is refused with 401, and only the log has the reason (%s)',
];
const aRoomOfOthers = [
  access('rooms'),
  'a client with the rooms ["ticket-42"] gets a hub error and no events for %j',
];
const aLimitedKey = [
  access('key-rotation'),
  'an API key with limits can publish only what it allows, and a hashed key is accepted',
];
const aPlace = [gateway('access/places'), '%s does nothing when the rule refuses or is unavailable'];
const anEndedRight = [
  access('backend-decides'),
  'a no on the next call makes all devices of the user leave the room, and those of others stay',
];
const connections = [
  access('outgoing-connections'),
  'a gateway in full use connects only to Redis and the key server, even during an outage of both',
];

/** Rows as `rows.mjs` describes them. */
export const ruleRows = [
  // V8 Authorization
  [
    '8.1.1',
    1,
    'Access rules are documented',
    'met',
    [gateway('auth/room-access'), 'mayEnterRoom for room %s and a user with the `rooms` claim %j returns %s'],
  ],
  [
    '8.2.1',
    1,
    'Functions need an explicit right',
    'met',
    aLimitedKey,
    [events('bad-input-by-http'), 'a request with %s is refused with 401, whatever its body'],
  ],
  [
    '8.2.2',
    1,
    'Data need an explicit right',
    'met',
    aRoomOfOthers,
    [gateway('auth/room-access'), 'mayEnterRoom for room %s and a user with the `rooms` claim %j returns %s'],
  ],
  ['8.3.1', 1, 'The server enforces the rules', 'met', aRoomOfOthers, aPlace],
  [
    '8.3.2',
    3,
    'A changed right takes effect at once',
    'partly',
    'A removal and a sign-out take effect at once. Otherwise a connection keeps the rights of its token until it gets another one, and a kept yes counts for a bounded time (`MILLRACE_ACCESS_CACHE_MS`).',
    anEndedRight,
  ],
  // V9 Self-contained tokens
  [
    '9.1.1',
    1,
    'The signature is checked',
    'met',
    aRefusedToken,
    [gateway('auth/token-verifier'), 'the verifier refuses with %s: %s'],
  ],
  [
    '9.1.2',
    1,
    'Algorithms are listed, never `none`, and keys are not confused',
    'met',
    [
      gateway('auth/token-verifier'),
      'the verifier accepts a token that the key has signed, and refuses HMAC with the public key',
    ],
    aRefusedToken,
  ],
  ['9.1.3', 1, 'Keys come from configured places only', 'met', connections, aRefusedToken],
  [
    '9.2.1',
    1,
    '`exp` and `nbf` are checked',
    'met',
    [
      gateway('auth/token-verifier'),
      'the verifier tolerates exactly the configured difference between two clocks',
    ],
  ],
  ['9.2.2', 2, 'The type of a token is checked', 'met', aRefusedToken],
  [
    '9.2.3',
    2,
    'The audience is checked',
    'met',
    [gateway('auth/token-verifier'), 'the verifier accepts one of several audiences and issuers'],
  ],
  // V13 Configuration
  ['13.1.1', 2, 'All communication is documented', 'met', connections],
  [
    '13.2.2',
    2,
    'Redis is used with the least rights',
    'met',
    [
      'e2e/tests/redis/rights.test.ts',
      'a gateway and a publisher with restricted rights can deliver, coalesce, reject and acknowledge events',
    ],
  ],
  [
    '13.2.3',
    2,
    'No default credentials',
    'met',
    [
      'e2e/tests/programs/refuses-to-start.test.ts',
      'a gateway without secrets names every variable with which it could start',
    ],
    [gateway('settings/environment'), 'a secret that is too short or otherwise easy to guess is refused'],
  ],
  [
    '13.2.4',
    2,
    'Connections go to listed systems only',
    'met',
    connections,
    [access('outgoing-connections'), 'a gateway with the embedded broker and the demo opens no connections'],
  ],
  [
    '13.3.1',
    2,
    'Secrets come from a secret store',
    'met',
    [gateway('settings/environment'), 'a secret is read from a file, without the line break at its end'],
  ],
  [
    '13.3.4',
    3,
    'Secrets can be rotated',
    'met',
    [
      access('key-rotation'),
      'no client is refused, disconnected or misses an event when secrets and API keys change under load',
    ],
  ],
  [
    '13.4.2',
    2,
    'Debug modes are off in production',
    'met',
    [gateway('settings/environment'), 'development mode is refused on an address that others can reach'],
    [
      access('development-hosts'),
      'a request with a foreign Host header (%s %s) is refused with status 421 and the reason',
    ],
  ],
  [
    '13.4.5',
    2,
    'Monitoring is not open to everybody',
    'partly',
    'With an admin port, metrics and reasons leave the port of the clients; they need no credentials there: see [security.md](../security.md#what-is-not-covered).',
    [access('admin-port'), 'the admin port serves metrics, and the port of the clients does not'],
  ],
  // V15 Secure coding and architecture
  [
    '15.1.2',
    2,
    'There is an SBOM',
    'met',
    ['scripts/test/evidence.test.mjs', 'the committed evidence equals the output of the script'],
  ],
  [
    '15.2.2',
    2,
    'Costly functions cannot make the service unavailable',
    'met',
    [
      signalr('abuse/hostile-input'),
      'a client that sends an endless hub message in small frames is disconnected at the size limit',
    ],
    [gateway('http/slow-requests'), 'a client that %s is answered with 408 and loses its connection'],
  ],
  [
    '15.3.2',
    2,
    'Requests to other servers follow no redirect',
    'met',
    [
      access('key-server-away'),
      'a client with a valid token gets 503 while no key is known and the key server answers “%s”',
    ],
  ],
  [
    '15.3.6',
    2,
    'No prototype pollution',
    'met',
    [
      'packages/contract/test/stream-entry.test.ts',
      'a data field named __proto__ does not change other objects',
    ],
  ],
  [
    '15.4.2',
    3,
    'Check and action are one step',
    'met',
    [
      'packages/signalr/test/http/connection-owner.test.ts',
      'a connection refuses a user who is being authenticated when another user opens it, on %s',
    ],
  ],
  // V16 Logging and errors
  [
    '16.2.5',
    2,
    'No secrets in the log',
    'met',
    [
      access('tokens'),
      'a client with %s cannot connect: `start()` fails with 401, and the token is not in the log',
    ],
    [
      signalr('http/authentication'),
      'no event contains an access token, a connection token or the text of a malformed message',
    ],
  ],
  [
    '16.3.1',
    2,
    'Refused authentication is logged with its reason',
    'partly',
    'Refusals are logged; accepted connections are counted.',
    aRefusedToken,
  ],
  [
    '16.4.1',
    2,
    'No log injection',
    'met',
    [gateway('telemetry/log-line'), 'a log line shows control characters as escapes'],
    [gateway('telemetry/terminal-text'), 'the text %j is shown as %s'],
  ],
  [
    '16.5.1',
    2,
    'Errors reveal nothing',
    'met',
    [
      signalr('http/authentication'),
      'an error that authenticate throws is reported, and its request receives 500 with an empty body',
    ],
  ],
  [
    '16.5.2',
    2,
    'An unavailable service does not open the door',
    'met',
    [
      access('key-server-away'),
      'known keys stay in use while the key server is unavailable, and /readyz reports the outage',
    ],
  ],
  [
    '16.5.3',
    2,
    'Failures are closed, not open',
    'met',
    [
      access('key-server-away'),
      'keys that are older than MILLRACE_JWKS_MAX_STALE_MS are no longer used, whatever the transport',
    ],
  ],
];

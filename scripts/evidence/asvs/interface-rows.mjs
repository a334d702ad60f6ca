// Requirements of OWASP ASVS 5.0.0, chapters V2 to V4: input, web frontend, API. Each requirement is told in our own words,
// with its tests.

const access = (file) => `e2e/tests/access/${file}.test.ts`;
const events = (file) => `e2e/tests/events/${file}.test.ts`;
const signalr = (path) => `packages/signalr/test/${path}.test.ts`;
const gateway = (path) => `apps/gateway/test/${path}.test.ts`;
const hostileMarkup = 'e2e/tests/helpdesk/hostile-markup.test.ts';
const answerHeaders = [
  access('answer-headers'),
  'an answer with status %i for %s forbids content sniffing, scripts and frames',
];
const policy = [
  hostileMarkup,
  'the answer for %s forbids scripts of other origins, frames and content sniffing',
];

/** Rows as `rows.mjs` describes them. */
export const interfaceRows = [
  // V2 Validation and business logic
  [
    '2.2.1',
    1,
    'Input is checked against rules for its form',
    'met',
    [events('bad-input-by-http'), 'an event with %s is refused with a problem document that names %s'],
    [events('bad-input-by-hand'), 'an entry with %s (%s) becomes one dead letter'],
  ],
  [
    '2.2.2',
    1,
    'Input is checked by the server',
    'met',
    ['packages/contract/test/envelope-rules.test.ts', 'the value %s is not accepted as an event'],
  ],
  [
    '2.3.3',
    2,
    'A request is carried out whole or not at all',
    'met',
    [
      events('bad-input-by-http'),
      'a list with one invalid event is refused as a whole, with that event’s index',
    ],
  ],
  [
    '2.4.1',
    2,
    'Excessive calls are refused',
    'met',
    [signalr('abuse/floods'), 'every call in a flood of calls of an unknown method is refused'],
    [
      gateway('http/ingest-admission'),
      'the ingest endpoint limits requests per turn after half a second of late turns',
    ],
  ],
  // V3 Web frontend (the demo)
  ['3.2.1', 1, 'A browser does not show an API answer as a page', 'met', policy],
  [
    '3.2.2',
    1,
    'Text is shown as text',
    'met',
    [hostileMarkup, 'a hostile message and a hostile ticket are shown to both people as they were written'],
    [hostileMarkup, 'hostile text in a backend’s events is shown as text, and leads to no foreign address'],
  ],
  [
    '3.4.1',
    1,
    'Strict-Transport-Security',
    'operator',
    'The gateway speaks plain HTTP behind a proxy that ends TLS; the proxy sets the header.',
  ],
  [
    '3.4.2',
    1,
    'CORS headers only for listed origins',
    'met',
    [
      signalr('http/origins'),
      'an allowed origin receives CORS headers that allow credentials, and any other origin receives none',
    ],
  ],
  [
    '3.4.3',
    2,
    'A Content-Security-Policy on every answer',
    'met',
    'Not on refused upgrades, which no page can be opened from. An application module sets the policy of its own pages.',
    answerHeaders,
    policy,
  ],
  [
    '3.4.4',
    2,
    'X-Content-Type-Options: nosniff on every answer',
    'met',
    'Not on refused upgrades.',
    answerHeaders,
    policy,
  ],
  [
    '3.4.6',
    2,
    'No page can be framed',
    'met',
    [hostileMarkup, 'a page of another origin cannot show the helpdesk in a frame'],
  ],
  [
    '3.5.2',
    1,
    'No request without a preflight can publish',
    'met',
    [events('bad-input-by-http'), 'a body whose content type is not JSON is refused with 415'],
  ],
  [
    '3.5.3',
    1,
    'Changes need POST, PUT or DELETE',
    'met',
    [signalr('http/negotiate'), 'the request %s %s receives status %i and the body %j'],
  ],
  // V4 API and web service
  [
    '4.1.3',
    2,
    'A client cannot set headers that a proxy sets',
    'met',
    [
      'e2e/tests/fairness/addresses.test.ts',
      'a client behind a trusted proxy has its own limits, and cannot choose another address',
    ],
    [access('tokens'), 'the user in the query of the URL has no effect in normal mode'],
  ],
  [
    '4.1.4',
    3,
    'Methods that are not offered are refused',
    'met',
    [signalr('http/credential-lifetime'), 'a refresh request with the method %s is refused'],
  ],
  [
    '4.2.1',
    2,
    'The end of a request is determined as HTTP says',
    'met',
    [
      signalr('http/attach'),
      'requests that offer h2c are answered like other requests, even if their body arrives in pieces',
    ],
  ],
  ['4.4.1', 1, 'WebSockets over TLS', 'operator', 'As 3.4.1.'],
  [
    '4.4.2',
    2,
    'The Origin of a WebSocket is checked',
    'met',
    [access('origins-of-apps'), 'the origin %s is refused, because it is not listed'],
    [signalr('http/origins'), 'an upgrade request from a page of another host is refused by default'],
  ],
  [
    '4.4.3',
    2,
    'A connection has a token of its own',
    'met',
    [
      signalr('http/connection-owner'),
      'a user cannot open a connection that another user negotiated, over any transport',
    ],
    [access('tokens'), 'a connection that was negotiated with a token cannot be used without this token'],
  ],
];

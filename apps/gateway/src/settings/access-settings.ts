// The part of the table of settings about access to rooms.
import { faultOfHttpUrl } from './setting-checks.js';
import { milliseconds, text, wholeNumber } from './setting-kinds.js';
import type { SettingRow } from './setting-row.js';

const oneDayMs = 86_400_000;

/** Settings of the backend that decides about access, and of the time for which its answers are used. */
export const accessRows: readonly SettingRow[] = [
  [
    'accessUrl',
    text({
      rule: 'an address that begins with `https://` or `http://`',
      faultOf: (url) => faultOfHttpUrl(url, ['path', 'query']),
    }),
    'Address of the backend that decides which rooms a user may enter: it is sent `POST {user_id, name, room_id}` and answers `{"allowed": true}` or `{"allowed": false}`.',
    'none: `access.mayEnter` of the application module, else the claim `rooms` of the token',
  ],
  [
    'accessKey',
    text({ rule: 'printable ASCII without spaces', isSecret: true, faultOf: faultOfKey }),
    'Key with which the gateway identifies itself to this backend.',
    'none',
  ],
  [
    'accessKeyHeader',
    text({ rule: 'the name of a header', faultOf: faultOfHeader }),
    'Header that carries the key. In `authorization` it is a bearer token, in any other header it stands alone: `x-internal-api-key`.',
  ],
  [
    'accessTimeoutMs',
    milliseconds(1, 60_000),
    'Time after which a question counts as failed. A question that waits for its turn is given up after the same time.',
  ],
  [
    'accessCacheMs',
    milliseconds(0, oneDayMs),
    'Time for which a yes is used. The next call of the user for this room then asks again.',
  ],
  ['accessRefusalCacheMs', milliseconds(0, oneDayMs), 'Time for which a no is used.'],
  [
    'accessMaxStaleMs',
    milliseconds(0, oneDayMs),
    'Age up to which a yes is still used while the rule cannot be asked. Without such a yes clients are told to try again, never refused.',
  ],
  [
    'maxAccessQuestions',
    wholeNumber({ max: 10_000 }),
    'Maximum number of questions that are asked at a time.',
  ],
  [
    'maxAccessAnswers',
    wholeNumber({ max: 10_000_000 }),
    'Maximum number of answers that are kept, each for one user and room. Beyond it the oldest are forgotten, and asked for again.',
  ],
];

function faultOfKey(key: string): string | undefined {
  return /^[!-~]{1,4096}$/.test(key)
    ? undefined
    : 'must be 1 to 4096 printable ASCII characters without spaces or line breaks';
}

function faultOfHeader(name: string): string | undefined {
  const reserved = ['content-type', 'content-length', 'host', 'accept', 'connection', 'transfer-encoding'];
  // RFC 9110, section 5.6.2: a token.
  const isName = /^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(name);
  if (!isName) return 'must be the name of a header, such as x-internal-api-key';
  return reserved.includes(name.toLowerCase()) ? 'is a header that the request already has' : undefined;
}

// The house rules report the faults that they look for, and report nothing for clean text.
import { describe, expect, test } from 'vitest';
import { fileFindings, folderFindings, isStatement, pathFindings } from '../house.mjs';
import { testTitles } from '../test-titles.mjs';

const found = (path, text) => fileFindings(path, text).map((line) => line.slice(path.length + 1));

test('a code file with more than 400 lines is reported, and a page of text with more is not', () => {
  const long = 'x();\n'.repeat(401);
  expect(found('packages/a/src/a.ts', long)).toEqual(['401  401 lines; at most 400: split it by subject']);
  expect(found('packages/a/src/a.ts', 'x();\n'.repeat(400))).toEqual([]);
  expect(found('docs/a.md', long)).toEqual([]);
});

test('a folder with too many files is reported, and a src folder has a lower limit', () => {
  const files = (folder, count) => Array.from({ length: count }, (_, n) => `${folder}/${n}.ts`);
  expect(folderFindings([...files('packages/a/src', 10), ...files('e2e/tests/redis', 24)])).toEqual([]);
  expect(folderFindings(files('packages/a/src', 11))).toEqual([
    'packages/a/src:0  11 files; at most 10: put them into folders by subject',
  ]);
  expect(folderFindings(files('e2e/fixtures', 25))).toHaveLength(1);
});

test('a page that names a missing file is reported, and a page that names only existing files is not', () => {
  const files = ['docs/a.md', 'docs/b.md', 'packages/a/src/one.ts', 'README.md'];
  const foundIn = (text) => pathFindings('docs/a.md', text, files);
  expect(
    foundIn(
      'See `packages/a/src/one.ts`, `src/one.ts`, [b](b.md#part), [all](../README.md), [a](../packages/a).',
    ),
  ).toEqual([]);
  expect(foundIn('See [the site](https://example.com/x.md) and `npm run x`.')).toEqual([]);
  expect(foundIn('See `packages/a/src/two.ts`.')).toEqual([
    'docs/a.md:1  there is no file packages/a/src/two.ts: correct the path',
  ]);
  expect(foundIn('See [c](c.md).')).toEqual(['docs/a.md:1  there is no file c.md: correct the path']);
});

test.each([
  "hub.clients.group('room').send('note');",
  'const { clients } = context;',
  'notify({ clients, user }) { clients.caller.relay(call); }',
])('the line %j of the gateway is reported because it can send past delivery', (line) => {
  const reported = found('apps/gateway/src/hub/new-hub.ts', line);
  expect(reported).toEqual([expect.stringContaining('this code can send past delivery')]);
  expect(found('apps/gateway/src/rooms/room-sender.ts', line)).toEqual([]);
  expect(found('apps/helpdesk/src/hub.ts', line)).toEqual([]);
});

test.each([
  '// hub.clients.all is for nobody here.',
  "help: 'The clients. All of them.'",
  'const clients = count;',
])('the line %j of the gateway is accepted because it does not send', (line) => {
  expect(found('apps/gateway/src/hub/new-hub.ts', line)).toEqual([]);
});

describe('comments', () => {
  test.each([
    '// What it is for.',
    '/** Whether it is open. */',
    ' * Who waits.',
    'const a = 1; // Told after each.',
    '    {/* Of the room. */}',
  ])('the comment %j is reported', (line) => {
    expect(found('packages/a/src/a.ts', line)).toEqual([
      expect.stringMatching(
        /^1 {2}a comment opens with "(What|Whether|Who|Told|Of)": begin with the subject$/,
      ),
    ]);
  });

  test.each(['// Somebody asks what it is.', "fetch('https://What.example');", ' * whether it is open.'])(
    'the line %j is accepted',
    (line) => {
      expect(found('packages/a/src/a.ts', line)).toEqual([]);
    },
  );
});

describe('retired words', () => {
  test.each([
    ['docs/a.md', 'The system is whole again after 2 s.'],
    ['docs/a.md', 'A client on a bad line comes back.'],
    ['e2e/a.ts', 'const letter = await read();'],
    ['e2e/a.ts', 'type PrintedLetter = object;'],
    ['apps/gateway/src/a.ts', 'createMember(options);'],
    ['packages/broker/src/a.ts', 'await broker.tickLedger(lease);'],
    ['docs/a.md', 'Everything goes on as before.'],
    ['docs/a.md', 'Events are shed.'],
    ['packages/a/src/a.ts', 'const at = clock.nowMs();'],
    ['packages/a/src/a.ts', 'interface RoomVerdict {}'],
    ['packages/a/src/a.ts', 'interface GatewayParts {}'],
  ])('the house check for %s reports the line %j once', (path, line) => {
    expect(found(path, line)).toHaveLength(1);
  });

  test.each([
    ['docs/dead-letters.md', '# Dead letters'],
    ['e2e/a.ts', 'const deadLetters = await deadLettersOf(stream); // each dead letter'],
    ['packages/broker/src/a.ts', '/** Letters and digits, in lower-case letters. */'],
    ['packages/signalr/src/a.ts', 'interface MemberState {}'],
    ['docs/a.md', 'The event goes on to the client.'],
    ['packages/a/src/a.ts', 'const nowMs = clock.wallMs();'],
    ['packages/a/CHANGELOG.md', 'nowMs() is called wallMs().'],
  ])('the house check for %s reports nothing for the line %j', (path, line) => {
    expect(found(path, line)).toEqual([]);
  });
});

test.each(['ticket-42', 'fetchTickets()', 'a support desk', 'UacDetected', 'ReceiveMessage'])(
  'the word %j of one application is reported in the packages, but not in the built-in catalog or an application',
  (text) => {
    for (const path of ['apps/gateway/src/a.ts', 'packages/client/src/a.ts'])
      expect(found(path, text)).toEqual([expect.stringContaining('the words of one application')]);
    for (const path of [
      'packages/contract/src/built-in/a.ts',
      'examples/a/app.mjs',
      'apps/helpdesk/src/a.ts',
    ])
      expect(found(path, text)).toEqual([]);
  },
);

test.each(['maximumReceiveMessageBytes', 'unsupported', 'it supports TLS'])(
  'the word %j of every server is accepted in the packages',
  (text) => {
    expect(found('packages/signalr/src/a.ts', text)).toEqual([]);
  },
);

test('a retired word inside a generated block of a page is not reported', () => {
  const page = ['<!-- begin chaos -->', '| whole again |', '<!-- end chaos -->', 'whole again'].join('\n');
  expect(found('docs/a.md', page)).toEqual([expect.stringMatching(/^4 /)]);
});

describe('titles', () => {
  test.each([
    'a refused room does not keep the others out',
    'two gateways take over what a third one left',
    'fetch reads the answer to a body of 2 MB %s',
    'stored entries stay in the stream',
    '$name is refused with 401',
    'the client hears nothing for two seconds',
  ])('the title %j is accepted as a statement', (title) => {
    expect(isStatement(title)).toBe(true);
  });

  test.each([
    '%s',
    'keeps every entry',
    'is read without an error',
    'forty times at once',
    'that was planned costs nobody a reload',
    'refuses %s with invalid_argument',
    'on a phone too',
    'with partitions only the rooms of the stream are told',
    'of two hundred joins at most eight wait',
    'what was missed is replayed',
  ])('the title %j is not accepted as a statement', (title) => {
    expect(isStatement(title)).toBe(false);
  });

  test('the title of a test is found with its line number, even after modifiers, tables and types', () => {
    const text = [
      "test('one', () => {});",
      '  it.skipIf(isWindows)("two", () => {});',
      "test.each<[string, () => Promise<void>]>([['a (', () => f(g(1))]])(",
      "  'three',",
      '  () => {},',
      ');',
      'test(`${count} clients`, { timeout: 1 }, () => {});',
      'test(name, () => {});',
      "const test1 = attest('none');",
    ].join('\n');
    expect(testTitles(text)).toEqual([
      { title: 'one', line: 1 },
      { title: 'two', line: 2 },
      { title: 'three', line: 3 },
      { title: '${count} clients', line: 7 },
    ]);
  });

  test('titles are checked in test files only', () => {
    const text = "test('keeps all', () => {});";
    expect(found('packages/a/test/a.test.ts', text)).toEqual([
      '1  the title "keeps all" is not a full statement (subject first, then a verb)',
    ]);
    expect(found('packages/a/src/a.ts', text)).toEqual([]);
  });
});

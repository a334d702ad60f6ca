// The search over tickets: which tickets it finds, and for whom.
import { expect, test } from 'vitest';
import { openHelpdesk, seeded } from './fixtures.js';

test.each([
  ['a word of the subject', 'vpn', [1048]],
  ['a number', '#1048', [1048]],
  ['the name of the requester', 'okafor', [1051, 1047]],
  ['a word of an old message', 'quarter', [1048]],
  ['several words in different places, in any order', 'berger  ledger VPN', [1048]],
  ['words that do not occur in one ticket', 'okafor ledger', []],
  ['a wildcard of SQL, which stands for itself', '%', []],
  ['a quotation mark', "'", []],
])('a search for %s finds the tickets that contain it', async (_case, text, numbers) => {
  await using helpdesk = await openHelpdesk();
  const found = helpdesk.conversations.list(helpdesk.maria, text);
  expect(found.map(({ number }) => number)).toEqual(numbers);
});

test('a search finds a new message whose text contains wildcards of SQL', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, conversations, daniel, maria } = helpdesk;
  changes.sendMessage(daniel, seeded.danielsTicket, 'It is 100%_done \\o/', 'temp-1');
  for (const text of ['100%_', '\\o/'])
    expect(conversations.list(maria, text).map(({ id }) => id)).toEqual([seeded.danielsTicket]);
});

test('a requester finds only the requester’s own tickets', async () => {
  await using helpdesk = await openHelpdesk();
  const { conversations, noa, maria } = helpdesk;
  expect(conversations.list(maria, 'maria').length).toBeGreaterThan(0);
  expect(conversations.list(noa, 'okafor')).toEqual([]);
  expect(conversations.list(noa, '').map(({ number }) => number)).toEqual([1048, 1046]);
});

// The ways to a ticket: the search and the dialog for a new ticket. Also the titles of pages, and addresses that do not
// exist.
import { expect, test } from 'vitest';
import { DeskPane, danielsTicket, people, vpnTicket } from '../../fixtures/browser/desk.js';
import { deskForFile } from '../../fixtures/browser/desk-for-file.js';

const helpdesk = deskForFile();

test('a search finds a ticket by a word of an old message and by a message that arrives during the search', async () => {
  const maria = await DeskPane.open(
    await helpdesk.openPage(),
    helpdesk.system.url,
    'agent',
    'maria',
    vpnTicket,
  );
  const field = maria.pane.getByLabel('Search tickets');
  const shown = () =>
    maria.pane
      .locator('.ticket-item')
      .evaluateAll((items) => items.map((item) => item.getAttribute('data-ticket')));
  const all = await shown();
  await field.fill('quarter close');
  await maria.pane.getByText('1 ticket found').waitFor();
  expect(await shown()).toEqual(['1048']);
  await (await helpdesk.system.signIn(people.daniel)).send(
    danielsTicket,
    'Our quarter ends today, so we close as well.',
  );
  await maria.pane.getByText('2 tickets found').waitFor();
  expect(await shown()).toEqual(['1051', '1048']);
  await field.fill('no such thing');
  await maria.pane.getByText('0 tickets found').waitFor();
  expect(await shown()).toEqual([]);
  await field.fill('');
  await maria.ticket(1049).waitFor();
  expect((await shown()).length).toBe(all.length);
});

test('a requester sees at once the ticket that an agent creates for them, and answers', async () => {
  const agentPage = await helpdesk.openPage();
  const maria = await DeskPane.open(agentPage, helpdesk.system.url, 'agent', 'maria');
  const noa = await DeskPane.open(
    await helpdesk.openPage(),
    helpdesk.system.url,
    'requester',
    'noa',
    vpnTicket,
  );
  await maria.button('New ticket').click();
  const form = agentPage.getByRole('dialog');
  await form.getByLabel('Subject').fill('Headset without sound');
  await form.getByLabel('What happened?').fill('Noa called: the headset is silent since the update.');
  expect(await form.getByRole('button', { name: 'Create ticket' }).isDisabled()).toBe(true);
  await form.getByRole('combobox', { name: 'Requester' }).click();
  await agentPage.getByRole('option', { name: 'Noa Berger' }).click();
  await form.getByRole('button', { name: 'Create ticket' }).click();
  await maria.message('Noa called: the headset is silent').waitFor();
  await noa.pane.locator('.toast').getByText('We have your request').click();
  await noa.message('Noa called: the headset is silent').waitFor();
  await noa.send('That is right.');
  await maria.message('That is right.').waitFor();
});

test('the page title names the open ticket, the list, or what is missing', async () => {
  const page = await helpdesk.openPage();
  const title = () => expect.poll(() => page.title());
  const noa = await DeskPane.open(page, helpdesk.system.url, 'requester', 'noa', vpnTicket);
  await title().toBe('#1048 VPN drops every twenty minutes · Weir');
  await noa.ticket(1046).click();
  await title().toBe('#1046 Access to the archive for the auditors · Weir');
  await page.goBack();
  await title().toBe('#1048 VPN drops every twenty minutes · Weir');
  await page.goto(`${helpdesk.system.url}/requester?as=noa`);
  await title().toBe('My requests · Weir');
  await page.goto(`${helpdesk.system.url}/requester/nonsense?as=noa`);
  await title().toBe('There is no such ticket. · Weir');
  await page.goto(`${helpdesk.system.url}/agent`);
  await title().toBe('Who are you? · Weir');
  // The browser reports the failed requests for the missing ticket.
  helpdesk.browser.takeComplaints();
});

test('a ticket that is not in the list, and whose room could not be looked up, can be tried again', async () => {
  const page = await helpdesk.openPage();
  await page.route('**/api/tickets', (route) => route.fulfill({ json: [] }));
  await page.route(`**/api/tickets/${vpnTicket}`, (route) => route.abort());
  await page.goto(`${helpdesk.system.url}/requester/${vpnTicket}?as=noa`);
  const noa = new DeskPane(page, 'Requester');
  await noa.pane.getByText('The helpdesk does not respond.').waitFor();
  await page.unroute(`**/api/tickets/${vpnTicket}`);
  await noa.button('Try again').click();
  await noa.message('Perfect. I will keep this open').waitFor();
  // The browser reports the request that the test aborted.
  helpdesk.browser.takeComplaints();
});

test('the page at an unknown address says so and leads back to the support desk', async () => {
  const page = await helpdesk.openPage();
  const response = await page.goto(`${helpdesk.system.url}/agent/one/two`);
  expect(response?.status()).toBe(404);
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await expect.poll(() => page.title()).toBe('There is no such page · Weir');
  await page.getByRole('link', { name: 'Go to the support desk' }).click();
  await new DeskPane(page, 'Requester').live();
  // The browser reports the status 404 as an error.
  expect(helpdesk.browser.takeComplaints()).toEqual([expect.stringContaining('404')]);
});

test.each([
  ['/requster?as=noa', 'text/html', 'html'],
  ['/requster?as=noa', '*/*', 'json'],
  ['/v1/nothing', 'text/html', 'json'],
  ['/api/nothing', 'text/html', 'json'],
])(
  'a request for the unknown address %s that accepts %s gets %s with the status 404',
  async (path, accept, type) => {
    const response = await fetch(helpdesk.system.url + path, { headers: { accept } });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain(type);
  },
);

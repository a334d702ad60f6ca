// The pages of the helpdesk stay correct: a change that happens while a page loads, the people who view a ticket, and a page without
// a connection to the hub.
import { expect, test } from 'vitest';
import { DeskPane, danielsTicket, people, vpnTicket } from '../../fixtures/browser/desk.js';
import { deskForFile } from '../../fixtures/browser/desk-for-file.js';

const helpdesk = deskForFile();

test('a ticket that is solved while the page loads its list is shown as solved', async () => {
  const page = await helpdesk.openPage();
  const maria = await helpdesk.system.signIn(people.maria);
  let hasJoined = false;
  const connected = page.waitForEvent('websocket');
  void connected.then((socket) =>
    socket.on('framesent', ({ payload }) => {
      if (/JoinRoom.*ticket:/s.test(String(payload))) hasJoined = true;
    }),
  );
  let wasHeld = false;
  // The list is read from the database, but its answer arrives after the event of a later change.
  await page.route('**/api/tickets', async (route) => {
    const answer = await route.fetch();
    if (hasJoined && !wasHeld) {
      wasHeld = true;
      const arrives = (await connected).waitForEvent('framereceived', ({ payload }) =>
        String(payload).includes('to Solved by'),
      );
      await maria.setStatus(vpnTicket, 'solved');
      await arrives;
    }
    await route.fulfill({ response: answer });
  });
  const noa = await DeskPane.open(page, helpdesk.system.url, 'requester', 'noa');
  const facts = noa.ticket(1048).locator('.ticket-facts');
  await facts.getByText('Solved').waitFor();
  expect(wasHeld).toBe(true);
  await maria.setStatus(vpnTicket, 'in_progress');
  await facts.getByText('In progress').waitFor();
});

test('a page shows who views the ticket, from the moment they open it until they close it', async () => {
  const noa = await DeskPane.open(
    await helpdesk.openPage(),
    helpdesk.system.url,
    'requester',
    'noa',
    vpnTicket,
  );
  const mariasPage = await helpdesk.openPage();
  const maria = await DeskPane.open(mariasPage, helpdesk.system.url, 'agent', 'maria', vpnTicket);
  const mariaViews = noa.pane.locator('.viewers').getByText('Maria Lindqvist is viewing this ticket');
  await mariaViews.waitFor({ state: 'attached' });
  await maria.pane
    .locator('.viewers')
    .getByText('Noa Berger is viewing this ticket')
    .waitFor({ state: 'attached' });
  // Another ticket is another room.
  await maria.ticket(1051).click();
  await mariaViews.waitFor({ state: 'detached' });
  await maria.ticket(1048).click();
  await mariaViews.waitFor({ state: 'attached' });
});

test('the people who view a ticket stay on the page while it loads earlier messages', async () => {
  const writer = await helpdesk.system.signIn(people.daniel);
  for (let count = 1; count <= 201; count++) await writer.send(danielsTicket, `line ${count}`);
  const page = await helpdesk.openPage();
  let letThrough = (): void => {};
  const held = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  await page.route('**/api/tickets/*?after=*', async (route) => {
    await held;
    await route.continue();
  });
  const maria = await DeskPane.open(page, helpdesk.system.url, 'agent', 'maria', danielsTicket);
  await DeskPane.open(await helpdesk.openPage(), helpdesk.system.url, 'agent', 'aiko', danielsTicket);
  const aikoViews = maria.pane.locator('.viewers').getByText('Aiko Tanaka is viewing this ticket');
  await aikoViews.waitFor({ state: 'attached' });
  expect((await maria.shownNumbers())[0]).toBeGreaterThan(1);
  const isLoading = page.waitForRequest('**/api/tickets/*?after=*');
  await maria.button('Show earlier messages').click();
  await isLoading;
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
  expect(await aikoViews.count()).toBe(1);
  letThrough();
  await maria.message('The PDF for Adeyemi').waitFor({ state: 'attached' });
  const stored = (await maria.shownNumbers()).length;
  expect(await maria.shownNumbers()).toEqual(Array.from({ length: stored }, (_, index) => index + 1));
});

test('a read mark that could not be stored counts as unread again, and is stored with the next connection', async () => {
  const page = await helpdesk.openPage();
  const maria = await helpdesk.system.signIn(people.maria);
  const noa = await DeskPane.open(page, helpdesk.system.url, 'requester', 'noa', vpnTicket);
  await page.route('**/api/**/read', (route) => route.abort());
  await maria.setStatus(vpnTicket, 'solved');
  await maria.send(vpnTicket, 'Not marked as read yet');
  await noa.message('Not marked as read yet').waitFor();
  await noa
    .ticket(1048)
    .getByRole('img', { name: /unread message/ })
    .waitFor();
  await noa.button(/^Notifications, \d+ unread$/).click();
  await page.keyboard.press('Escape');
  await noa.button(/^Notifications, \d+ unread$/).waitFor();
  await page.unroute('**/api/**/read');
  const isStored = page.waitForResponse(
    (response) => /\/tickets\/.*\/read$/.test(response.url()) && response.status() === 204,
  );
  await noa.button('Cut the connection').click();
  await noa.button('Restore the connection').click();
  await isStored;
  await noa
    .ticket(1048)
    .getByRole('img', { name: /unread message/ })
    .waitFor({ state: 'detached' });
  await page.reload();
  await noa.live();
  expect(await noa.ticket(1048).getByRole('img').count()).toBe(0);
  await maria.setStatus(vpnTicket, 'in_progress');
  // The browser reports the requests that the test aborted, and those that were cut.
  helpdesk.browser.takeComplaints();
});

test('a page that cannot reach the hub says so and asks for changes, and is live again when it can', async () => {
  const page = await helpdesk.openPage();
  const maria = await helpdesk.system.signIn(people.maria);
  let isDown = false;
  let cut = (): unknown => undefined;
  await page.route('**/hubs/**', (route) => (isDown ? route.abort() : route.continue()));
  await page.routeWebSocket('**/hubs/**', (socket) => {
    socket.connectToServer();
    cut = () => socket.close();
  });
  await page.clock.install();
  const noa = await DeskPane.open(page, helpdesk.system.url, 'requester', 'noa', vpnTicket);
  isDown = true;
  await cut();
  await page.clock.fastForward(2_000);
  await noa.banner.waitFor();
  await maria.setStatus(vpnTicket, 'waiting');
  // After 10 s the page begins to ask, and then it asks about every 5 s.
  await page.clock.fastForward(10_000);
  await page.clock.fastForward(8_000);
  await noa.pane.getByTestId('status').getByText('Waiting').waitFor();
  await noa.message('to Waiting by Maria Lindqvist').waitFor();
  await noa.pane.locator('.banner').getByText('asks for changes every few seconds').waitFor();
  isDown = false;
  await page.clock.fastForward(5_000);
  await noa.live();
  await noa.pane.locator('.banner strong').waitFor({ state: 'detached' });
  await maria.setStatus(vpnTicket, 'in_progress');
  await noa.pane.getByTestId('status').getByText('In progress').waitFor();
  // The browser reports the requests that could not reach the hub.
  helpdesk.browser.takeComplaints();
});

// Two people use the helpdesk, each in a separate browser page.
import { createHelpdesk } from '@millrace/helpdesk';
import { describe, expect, test } from 'vitest';
import {
  archiveTicket,
  DeskPane,
  DeskSystem,
  danielsTicket,
  people,
  vpnTicket,
} from '../../fixtures/browser/desk.js';
import { deskForFile } from '../../fixtures/browser/desk-for-file.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';

const helpdesk = deskForFile();

async function maria(ticketId = vpnTicket) {
  const page = await helpdesk.openPage();
  return { page, desk: await DeskPane.open(page, helpdesk.system.url, 'agent', 'maria', ticketId) };
}

async function noa(ticketId = vpnTicket) {
  const page = await helpdesk.openPage();
  return { page, desk: await DeskPane.open(page, helpdesk.system.url, 'requester', 'noa', ticketId) };
}

describe('messages', () => {
  test('a message appears on the other person’s page, and is still there after a reload', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await agent.desk.send('Is the ledger still open?');
    await requester.desk.message('Is the ledger still open?').waitFor();
    await requester.page.reload();
    await requester.desk.message('Is the ledger still open?').waitFor();
    expect(await requester.desk.message('Is the ledger still open?').count()).toBe(1);
  });

  test('a message is shown to its author before it is stored, and then replaced by the stored one', async () => {
    const requester = await noa();
    let letThrough: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    await requester.page.route('**/api/tickets/*/messages', async (route) => {
      await held;
      await route.continue();
    });
    await requester.desk.send('Shown at once');
    const bubble = requester.desk.message('Shown at once');
    await requester.desk.pane.locator('li[data-pending=sending]').waitFor();
    expect(await bubble.count()).toBe(1);
    letThrough?.();
    await requester.desk.pane.locator('li[data-message-id]').filter({ hasText: 'Shown at once' }).waitFor();
    expect(await bubble.count()).toBe(1);
  });

  test('a message that the helpdesk did not accept can be sent again, and is then shown once', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await requester.page.route('**/api/tickets/*/messages', (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/json',
        body: '{"code":"overloaded","message":"no"}',
      }),
    );
    await requester.desk.send('Second try');
    await requester.desk.pane.locator('li[data-pending=failed]').waitFor();
    await requester.page.unroute('**/api/tickets/*/messages');
    await requester.desk.button('Try again').click();
    await agent.desk.message('Second try').waitFor();
    await requester.desk.pane.locator('li[data-message-id]').filter({ hasText: 'Second try' }).waitFor();
    expect(await agent.desk.message('Second try').count()).toBe(1);
    expect(await requester.desk.message('Second try').count()).toBe(1);
    expect(await requester.desk.pane.locator('li[data-pending]').count()).toBe(0);
    // The browser reports the refused request.
    expect(helpdesk.browser.takeComplaints()).toEqual([expect.stringContaining('503')]);
  });

  test('a tick shows whether the other person has read a message, even after a reload', async () => {
    const agent = await maria();
    await agent.desk.send('Have you seen this?');
    const own = agent.desk.message('Have you seen this?');
    await agent.desk.pane.locator('li[data-tick=sent]').filter({ hasText: 'Have you seen this?' }).waitFor();
    const requester = await noa(archiveTicket);
    expect(await own.getAttribute('data-tick')).toBe('sent');
    await requester.desk.pane.locator('[data-ticket="1048"]').click();
    const read = agent.desk.pane.locator('li[data-tick=read]').filter({ hasText: 'Have you seen this?' });
    await read.waitFor();
    await agent.page.reload();
    await read.waitFor();
  });

  test('an unread message is counted in the list of tickets until its ticket is opened', async () => {
    const agent = await maria(archiveTicket);
    const requester = await noa();
    await requester.desk.send('Unread so far');
    const item = agent.desk.pane.locator('[data-ticket="1048"]');
    await item.getByRole('img', { name: '1 unread message' }).waitFor();
    await item.getByText('Noa: Unread so far').waitFor();
    await item.click();
    await item.getByRole('img').waitFor({ state: 'detached' });
  });
});

describe('typing', () => {
  test('a typing person is shown by name, until the message arrives', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await requester.desk.input.pressSequentially('One moment');
    await agent.desk.typing.getByText('Noa Berger is typing').waitFor();
    await requester.desk.input.press('Enter');
    await agent.desk.message('One moment').first().waitFor();
    await agent.desk.typing.getByText('is typing').waitFor({ state: 'detached' });
  });

  test('the typing indicator disappears when the text is deleted', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await agent.desk.input.fill('No, wait');
    await requester.desk.typing.getByText('Maria Lindqvist is typing').waitFor();
    await agent.desk.input.press('Escape');
    await requester.desk.typing.getByText('is typing').waitFor({ state: 'detached' });
  });

  test('the typing indicator disappears when the typing person’s tab crashes', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await requester.desk.input.fill('I was about to say');
    await agent.desk.typing.getByText('Noa Berger is typing').waitFor();
    const session = await requester.page.context().newCDPSession(requester.page);
    session.send('Page.crash').catch(() => {});
    await agent.desk.typing.getByText('is typing').waitFor({ state: 'detached' });
  });
});

describe('tickets', () => {
  test('a new status is shown to the requester in the header, in the conversation and under the bell', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await agent.desk.pane.getByRole('combobox', { name: 'Status' }).click();
    await agent.page.getByRole('option', { name: 'Solved' }).click();
    await requester.desk.pane.getByTestId('status').getByText('Solved').waitFor();
    await requester.desk.message('Status changed from In progress to Solved by Maria Lindqvist').waitFor();
    await requester.desk.pane.locator('.toast').getByText('#1048 is now: Solved').waitFor();
    await requester.desk.button(/^Notifications/).click();
    await requester.page.getByRole('dialog').getByText('#1048 is now: Solved').waitFor();
    await requester.page.keyboard.press('Escape');
    await requester.desk.button(/^Notifications$/).waitFor();
    await requester.page.reload();
    await requester.desk.pane.getByTestId('status').getByText('Solved').waitFor();
    await requester.desk.button(/^Notifications$/).waitFor();
  });

  test('an assignment is shown to the requester and reported to the assigned agent', async () => {
    const [agent, requester] = [await maria(), await noa()];
    const aikoPage = await helpdesk.openPage();
    const aiko = await DeskPane.open(aikoPage, helpdesk.system.url, 'agent', 'aiko');
    await agent.desk.pane.getByRole('combobox', { name: 'Assigned to' }).click();
    await agent.page.getByRole('option', { name: 'Aiko Tanaka' }).click();
    await requester.desk.pane.getByText('Aiko Tanaka is handling it').waitFor();
    await aiko.pane.locator('.toast').getByText('Maria Lindqvist assigned #1048 to you').click();
    await aiko.message('Assigned to Aiko Tanaka by Maria Lindqvist').waitFor();
  });

  test('a new request appears in the agents’ list, and its conversation works at once', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await requester.desk.button('New request').click();
    const form = requester.page.getByRole('dialog');
    await form.getByLabel('Subject').fill('Printer on floor 3');
    await form.getByLabel('What happened?').fill('It prints upside down.');
    await form.getByRole('button', { name: 'Send request' }).click();
    await requester.desk.message('It prints upside down.').waitFor();
    await agent.desk.pane.locator('.ticket-item').filter({ hasText: 'Printer on floor 3' }).click();
    await agent.desk.message('It prints upside down.').waitFor();
    await agent.desk.send('Have you turned the paper?');
    await requester.desk.message('Have you turned the paper?').waitFor();
  });
});

describe('remote session', () => {
  test('a remote session is requested, accepted, shown to both people, and ended', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await agent.desk.button(/^Remote session$/).click();
    await agent.page.getByRole('menuitem', { name: 'Ask to see the screen' }).click();
    await agent.desk.pane.getByText('Noa Berger has been asked').waitFor();
    await requester.desk.pane.getByText('Maria Lindqvist would like to see your screen.').waitFor();
    await requester.desk.button('Accept').click();
    await agent.desk.pane.getByText('You see Noa Berger’s screen').waitFor();
    await requester.desk.pane.getByText('Maria Lindqvist sees this screen').waitFor();
    await requester.page.reload();
    await requester.desk.pane.getByText('Maria Lindqvist sees this screen').waitFor();
    await requester.desk.button('End session').click();
    await agent.desk.message('Noa Berger ended the remote session').waitFor();
    await agent.desk.pane.getByRole('group', { name: 'Remote session' }).waitFor({ state: 'detached' });
    await requester.desk.pane.getByRole('group', { name: 'Remote session' }).waitFor({ state: 'detached' });
  });

  test('a remote session can be declined', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await agent.desk.button(/^Remote session$/).click();
    await agent.page.getByRole('menuitem', { name: 'Ask to take control' }).click();
    await requester.desk.button('Decline').click();
    await agent.desk.message('Noa Berger declined the remote session').waitFor();
    await agent.desk.pane.getByRole('group', { name: 'Remote session' }).waitFor({ state: 'detached' });
  });
});

test('a banner is shown while the gateway is down, and the conversation continues when it is back', async () => {
  const [agent, requester] = [await maria(), await noa()];
  await agent.desk.send('Before the restart');
  await requester.desk.message('Before the restart').waitFor();
  await helpdesk.system.stop();
  await requester.desk.banner.waitFor();
  await requester.desk.send('Written while it was down');
  await helpdesk.system.startAgain();
  await agent.desk.live();
  await requester.desk.live();
  await requester.desk.banner.waitFor({ state: 'detached' });
  await agent.desk.message('Written while it was down').waitFor();
  await agent.desk.send('After the restart');
  await requester.desk.message('After the restart').waitFor();
  const stored = await (await helpdesk.system.signIn(people.noa)).storedNumbers(vpnTicket);
  expect(await requester.desk.shownNumbers()).toEqual(stored);
  // The browser reports the sockets and requests that the gateway's stop interrupted.
  helpdesk.browser.takeComplaints();
});

test('a visitor who opens the page of a single person can choose a person', async () => {
  const page = await helpdesk.openPage();
  await page.goto(`${helpdesk.system.url}/requester`);
  await page.getByRole('link', { name: /Priya Nair/ }).click();
  await new DeskPane(page, 'Requester').live();
  await page.getByRole('navigation', { name: 'Tickets' }).getByText('Colour profile is lost').waitFor();
  expect(await page.locator('.ticket-item').count()).toBe(2);
});

test('the example event of the welcome text is shown to the requester', async () => {
  const requester = await noa(archiveTicket);
  await acceptEvents(helpdesk.system.url, createHelpdesk().example?.event);
  await requester.desk.button(/^Notifications/).click();
  await requester.page.getByRole('dialog').getByText('Hello from curl').click();
  await requester.desk.pane.locator('[data-open-ticket="1048"]').waitFor();
});

test('a link on the page of two people opens the page of one of them, without asking which person', async () => {
  const page = await helpdesk.openPage();
  await page.goto(helpdesk.system.url);
  await new DeskPane(page, 'Requester').live();
  await page.getByRole('link', { name: 'Agent only' }).click();
  await new DeskPane(page, 'Agent').live();
  expect(new URL(page.url()).search).toBe('?as=maria');
  await page.getByRole('link', { name: 'Side by side' }).click();
  await new DeskPane(page, 'Requester').live();
  await page.getByRole('link', { name: 'Requester only' }).click();
  await new DeskPane(page, 'Requester').live();
  expect(new URL(page.url()).search).toBe('?as=noa');
});

test.each(['nonsense', '..%2Fpeople', 'b1d4c6f0-2e7a-4c39-a5d8-00000000ffff', danielsTicket])(
  'the page for the unknown ticket %s says that the ticket does not exist, and links to the list',
  async (ticketId) => {
    const { page, desk } = await noa(ticketId);
    await desk.pane.getByText('There is no such ticket.').waitFor();
    await desk.button('Back to the list').click();
    await desk.pane.locator('.ticket-item').first().waitFor();
    expect(new URL(page.url()).pathname).toBe('/requester');
    // The browser reports the requests that the helpdesk refused.
    expect(
      helpdesk.browser.takeComplaints().filter((complaint) => !/status of 4(04|22)/.test(complaint)),
    ).toEqual([]);
  },
);

test('a person’s token also gives access to tickets that the person creates later, in normal mode', async () => {
  await using closed = await DeskSystem.start('the embedded broker', {
    isDevelopment: false,
    jwtSecret: 'a-secret-of-the-helpdesk-with-more-than-32-bytes',
    apiKeys: ['an-api-key-for-the-helpdesk'],
  });
  await using agentDevice = await helpdesk.browser.device(closed.url);
  await using requesterDevice = await helpdesk.browser.device(closed.url);
  const agent = await DeskPane.open(agentDevice.page, closed.url, 'agent', 'maria');
  const requester = await DeskPane.open(requesterDevice.page, closed.url, 'requester', 'noa', vpnTicket);
  // The ticket did not exist when the token was issued.
  await requester.button('New request').click();
  const form = requesterDevice.page.getByRole('dialog');
  await form.getByLabel('Subject').fill('A new laptop');
  await form.getByLabel('What happened?').fill('Mine is eight years old.');
  await form.getByRole('button', { name: 'Send request' }).click();
  await agent.pane.locator('.ticket-item').filter({ hasText: 'A new laptop' }).click();
  await agent.send('You get one on Monday.');
  await requester.message('You get one on Monday.').waitFor();
  await agent.pane.locator('li[data-tick=read]').filter({ hasText: 'Monday' }).waitFor();
});

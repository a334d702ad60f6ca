// The helpdesk shows markup and scripts in a text as plain text. The text may come from a person, a message, a ticket, an
// event or an address. As a second measure, the browser runs only scripts that are files of the demo.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { DeskPane, DeskSystem, people, vpnTicket } from '../../fixtures/browser/desk.js';
import { sampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';

/** Texts that would run a script in a page that used them as markup, as an attribute, as an address or as a template. */
const hostileTexts = [
  '<script>globalThis.hasRun = 1</script><img src=x onerror="globalThis.hasRun = 1">',
  "\"><svg onload=globalThis.hasRun=1>' autofocus onfocus='globalThis.hasRun = 1",
  '</style></title></textarea><iframe srcdoc="<script>parent.hasRun = 1</script>">&lt;img src=x onerror=globalThis.hasRun=1&gt;',
  'javascript:globalThis.hasRun=1//{{globalThis.hasRun=1}}${globalThis.hasRun=1}',
] as const;

let system: DeskSystem;
let browser: TestBrowser;

beforeAll(async () => {
  system = await DeskSystem.start('the embedded broker');
  browser = await TestBrowser.start();
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const openPages: Page[] = [];

// A test fails if a text ran as a script or became an element, if such an element made a request, or if the policy refused
// something.
afterEach(async () => {
  for (const page of openPages.splice(0)) {
    expect(
      await page.locator('iframe, img[src=x], svg[onload], [onfocus], a[href^="javascript:"]').count(),
    ).toBe(0);
    await page.context().close();
  }
  expect(browser.takeComplaints()).toEqual([]);
});

async function openPage(): Promise<Page> {
  const page = await browser.page(system.url);
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, 'hasRun', {
      set() {
        console.error('a text has run as a script');
      },
    });
  });
  openPages.push(page);
  return page;
}

async function maria(ticketId = vpnTicket): Promise<DeskPane> {
  return DeskPane.open(await openPage(), system.url, 'agent', 'maria', ticketId);
}

async function noa(ticketId = vpnTicket): Promise<DeskPane> {
  return DeskPane.open(await openPage(), system.url, 'requester', 'noa', ticketId);
}

const ticketRoom = `ticket:${people.noa}:${vpnTicket}`;
const session = {
  session_id: randomUUID(),
  agent_id: people.maria,
  requester_id: people.noa,
  request_id: vpnTicket,
};

describe.each(hostileTexts)('the text %s', (text) => {
  test('a hostile message and a hostile ticket are shown to both people as they were written', async () => {
    const [agent, requester] = [await maria(), await noa()];
    await requester.send(text);
    await agent.message(text).getByText(text, { exact: true }).first().waitFor();
    await requester.message(text).getByText(text, { exact: true }).first().waitFor();
    await requester.button('New request').click();
    const form = requester.pane.page().getByRole('dialog');
    await form.getByLabel('Subject').fill(`Ticket ${text}`);
    await form.getByLabel('What happened?').fill(text);
    await form.getByRole('button', { name: 'Send request' }).click();
    await agent.pane
      .locator('.ticket-item')
      .filter({ hasText: `Ticket ${text}` })
      .first()
      .click();
    await agent.message(text).first().waitFor();
    await agent.pane
      .locator('.ticket-title h2')
      .filter({ hasText: `Ticket ${text}` })
      .waitFor();
  });

  test('hostile names of people are shown unchanged in lists, headers, messages and typing indicators', async () => {
    const page = await openPage();
    await page.route('**/api/people', async (route) => {
      const answer = (await (await route.fetch()).json()) as readonly object[];
      const renamed = answer.map((person) => ({ ...person, fullName: text, title: text }));
      await route.fulfill({ json: renamed });
    });
    await page.goto(`${system.url}/requester`);
    await page.getByRole('link').getByText(text, { exact: true }).first().waitFor();
    const requester = await DeskPane.open(page, system.url, 'requester', 'noa', vpnTicket);
    await requester.pane.getByText(text).first().waitFor();
    const typing = { user_id: people.maria, username: text, is_typing: true };
    await acceptEvents(system.url, sampleEvent(ticketRoom, 'typing_start', typing));
    await requester.typing.getByText(text).waitFor();
  });

  test('hostile text in a backend’s events is shown as text, and leads to no foreign address', async () => {
    const [agent, requester] = [await maria(), await noa()];
    const sender = { id: people.maria, username: text, full_name: text };
    await acceptEvents(system.url, [
      sampleEvent(ticketRoom, 'chat_message', {
        id: randomUUID(),
        request_id: vpnTicket,
        sender_id: people.maria,
        sender,
        content: `from a backend ${text}`,
        sequence_number: 100_000,
        is_screenshot: true,
        created_at: new Date().toISOString(),
      }),
      sampleEvent(ticketRoom, 'status_change', {
        request_id: vpnTicket,
        old_status: text,
        new_status: text,
        changed_by: text,
        changed_at: new Date().toISOString(),
      }),
      sampleEvent(ticketRoom, 'assignment_change', {
        request_id: vpnTicket,
        assignee_id: text,
        assigned_by: text,
      }),
      sampleEvent(ticketRoom, 'remote_session_start', { ...session, agent_name: text, request_title: text }),
      sampleEvent(`user:${people.noa}`, 'notification', {
        type: text,
        title: text,
        body: text,
        action_url: text,
      }),
    ]);
    await requester.message(`from a backend ${text}`).waitFor();
    await agent.message(`from a backend ${text}`).waitFor();
    const address = requester.pane.page().url();
    await requester.pane.locator('.toast').getByText(text, { exact: true }).first().click();
    await requester.button(/^Notifications/).click();
    await requester.pane.page().getByRole('dialog').getByText(text, { exact: true }).first().click();
    expect(requester.pane.page().url()).toBe(address);
    await acceptEvents(
      system.url,
      sampleEvent(ticketRoom, 'remote_session_end', { ...session, reason: text }),
    );
  });

  test('a page never runs hostile text that its address contains in place of a ticket or person', async () => {
    const encoded = encodeURIComponent(text);
    const page = await openPage();
    await page.goto(`${system.url}/requester/${encoded}?as=noa`);
    const requester = new DeskPane(page, 'Requester');
    await requester.live();
    await requester.pane.getByText('There is no such ticket.').waitFor();
    await page.goto(`${system.url}/agent/${encoded}?as=${encoded}`);
    await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
    await page.goto(`${system.url}/?ticket=${encoded}&agent=${encoded}&requester=${encoded}#${encoded}`);
    await new DeskPane(page, 'Agent').live();
    // Loading an empty page ends all running requests.
    await page.goto('about:blank');
    // The browser reports the requests for these tickets. The helpdesk refused them.
    expect(
      browser.takeComplaints().filter((complaint) => !/status of 4(?:04|14|22)/.test(complaint)),
    ).toEqual([]);
  });
});

test.each(['/', '/agent', '/requester/x', '/api/people'])(
  'the answer for %s forbids scripts of other origins, frames and content sniffing',
  async (path) => {
    const { headers } = await fetch(system.url + path);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/(^|; )default-src 'none'(;|$)/);
    expect(policy).toMatch(/(^|; )frame-ancestors 'none'(;|$)/);
    expect(policy.match(/script-src [^;]*/)?.[0] ?? "script-src 'self'").toBe("script-src 'self'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  },
);

test('the browser refuses to run markup even if a defect of the page lets it through', async () => {
  const page = await openPage();
  await page.goto(`${system.url}/requester?as=noa`);
  await new DeskPane(page, 'Requester').live();
  const left: string[] = [];
  await page.route('https://attacker.example/**', async (route) => {
    left.push(route.request().url());
    await route.abort();
  });
  const refused = await page.evaluate(async () => {
    const directives = new Set<string>();
    const enough = new Promise<void>((resolve) => {
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
        directives.add(effectiveDirective);
        if (directives.size === 5) resolve();
      });
    });
    const place = document.body.appendChild(document.createElement('div'));
    place.innerHTML =
      '<img src="data:," onerror="globalThis.hasRun = 1"><iframe srcdoc="<script>parent.hasRun = 1</script>"></iframe>' +
      '<iframe src="https://attacker.example/"></iframe><img src="https://attacker.example/steal">';
    const script = document.createElement('script');
    script.textContent = 'globalThis.hasRun = 1';
    place.append(script);
    await fetch('https://attacker.example/').catch(() => {});
    await enough;
    place.remove();
    return [...directives].sort();
  });
  expect(refused).toEqual(['connect-src', 'frame-src', 'img-src', 'script-src-attr', 'script-src-elem']);
  expect(left).toEqual([]);
  // The browser reports each request, and then the refusal of the request.
  browser.takeComplaints();
});

test('a page of another origin cannot show the helpdesk in a frame', async () => {
  const frame = `<iframe src="${system.url}/requester?as=noa"></iframe>`;
  const other = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(frame);
  });
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const page = await openPage();
  await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
  await expect
    .poll(() => browser.takeComplaints().some((complaint) => complaint.includes('frame-ancestors')))
    .toBe(true);
  expect(await page.frames()[1]?.locator('#root').count()).toBe(0);
  await page.goto('about:blank');
  other.closeAllConnections();
  other.close();
  browser.takeComplaints();
});

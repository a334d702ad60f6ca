// Both kinds of projects of `npm create millrace`, from an empty folder to a page that shows an event of its own: made by the tarball,
// installed, started, and used in a browser. Installing takes too long for the suite.
import { join } from 'node:path';
import { freePort } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { CreatedProject, ProjectMaker, RegistryTarballs } from '../../fixtures/processes/created-project.js';
import { Tarballs } from '../../fixtures/processes/installed-app.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const tarballs = sharedSystem(() => Tarballs.pack());
const registry = sharedSystem(() => RegistryTarballs.pack());
const maker = sharedSystem(() => ProjectMaker.unpack(tarballs()));

describe.for(['fastapi', 'express'])('a new project with the backend %s', (backend) => {
  test('a note that is added on the page of a new project appears there and in a second window', async () => {
    const startedAtMs = performance.now();
    await using create = maker().create([backend, '--backend', backend]);
    expect(await create.exit(), create.output).toBe(0);
    const project = new CreatedProject(join(maker().path, backend));
    await project.install(registry(), tarballs().installOptions);
    if (backend === 'fastapi') await project.makePythonEnvironment();
    const pagePort = await freePort();
    await project.usePorts({
      MILLRACE_PORT: await freePort(),
      BACKEND_PORT: await freePort(),
      PAGE_PORT: pagePort,
    });

    await using dev = project.start('npm', ['run', 'dev']);
    await dev.line(/Local:.*http/);
    await using browser = await TestBrowser.start();
    const origin = `http://localhost:${pagePort}`;
    const [page, second] = [await browser.page(origin), await browser.page(origin)];
    for (const window of [page, second]) await window.goto(origin);
    for (const window of [page, second])
      await eventually(async () => expect(await window.getByRole('status').textContent()).toBe('live'));
    await page.getByLabel('Note').fill('Ring Maria');
    await page.getByRole('button', { name: 'Add' }).click();
    for (const window of [page, second]) await window.getByText('Ring Maria').waitFor();
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
    console.log(`${backend}: from an empty folder to an event on the page in ${seconds} s`);

    await page.reload();
    await page.getByText('Ring Maria').waitFor();
    await using types = project.start('npm', ['run', 'types']);
    expect(await types.exit(), types.output).toBe(0);
    await using build = project.start('npm', ['run', 'build']);
    expect(await build.exit(), build.output).toBe(0);
    expect(build.output).not.toContain('MODULE_LEVEL_DIRECTIVE');
    for (const window of [page, second]) await window.close();
    browser.takeComplaints(); // requests before the backend was ready
    await dev.stop('SIGINT');
    expect(dev.output).toMatch(/"msg":"stopped"/);
  });
});

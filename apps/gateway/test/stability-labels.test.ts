// Every setting, route and hub method is stable or experimental, and the pages say which.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createEventsHub, type EventsHubDependencies } from '../src/hub/events-hub.js';
import { SETTINGS } from '../src/settings/settings.js';
import { renderHttpPage } from './support/http-page.js';
import { labelIn, stableMethods, stableRoutes, stableSettings } from './support/stability-labels.js';

it('the page of stability lists every method of the hub with its label', () => {
  // The dependencies are used only when a method is called.
  const { methods } = createEventsHub({} as EventsHubDependencies);
  const names = Object.keys(methods).toSorted();
  const page = readFileSync(new URL('../../../docs/stability.md', import.meta.url), 'utf8');
  const [, table = ''] = /### Hub methods\n(.*?)\n###? /s.exec(page) ?? [];
  const listed = [...table.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(
    ([, name, label]) => `${name} ${label}`,
  );
  expect(listed.toSorted()).toEqual(names.map((name) => `${name} ${labelIn(stableMethods, name)}`));
});

it('every stable name exists', () => {
  const settings: readonly string[] = SETTINGS.map(({ name }) => name);
  expect([...stableSettings].filter((name) => !settings.includes(name))).toEqual([]);
  const page = renderHttpPage();
  expect([...stableRoutes].filter((route) => !page.includes(`\`${route}\``))).toEqual([]);
});

// docs/settings.md equals the table of settings, and all pages name only settings that exist.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VARIABLE_NAMES } from '../../src/settings/environment-names.js';
import { DEFAULTS } from '../../src/settings/options.js';
import { SETTINGS } from '../../src/settings/settings.js';
import { renderSettingsPage, settingsPagePath } from '../support/settings-page.js';

it('the published page of settings equals the page that is rendered from the table', async () => {
  await expect(renderSettingsPage()).toMatchFileSnapshot(settingsPagePath);
});

it('every default follows the rule of its setting', () => {
  const defaults: Readonly<Record<string, unknown>> = DEFAULTS;
  for (const { name, kind } of SETTINGS) {
    const value = defaults[name];
    if (value !== undefined) expect(kind.faultOf(name, value)).toBeUndefined();
  }
});

it('the page of settings shows a default for every setting', () => {
  expect(renderSettingsPage()).not.toContain('undefined');
});

it.each(['../../../../README.md', '../../README.md'])(
  'the page %s names only variables that exist',
  (page) => {
    const text = readFileSync(new URL(page, import.meta.url), 'utf8');
    const named = text.match(/\bMILLRACE_[A-Z_]+\b/g) ?? [];
    expect(named.filter((name) => !VARIABLE_NAMES.includes(name))).toEqual([]);
  },
);

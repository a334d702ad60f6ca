/* Each row of the lists in `docs/behaviours` cites existing tests, or explains why there is none. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** The paths in the lists are relative to this folder. */
const TESTS = new URL('./', import.meta.url);
const LISTS = new URL('../docs/behaviours/', import.meta.url);

/** A row of a list: a test of ASP.NET Core, and the test here that corresponds to it. */
interface Behaviour {
  readonly name: string;
  readonly here: string;
}

function behavioursOf(list: string): readonly Behaviour[] {
  const text = readFileSync(new URL(list, LISTS), 'utf8');
  return [...text.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, name = '', here = '']) => ({ name, here }));
}

/** Returns the fault of a cell's citations, or `undefined` if all cited tests exist. */
function fault(here: string): string | undefined {
  const cited = [...here.matchAll(/`([\w./-]+\.(?:test\.ts|test-d\.ts|json))`: “([^”]+)”/g)];
  if (cited.length === 0) return 'names no test';
  for (const [, path = '', title = ''] of cited) {
    const file = new URL(path, TESTS);
    if (!existsSync(file)) return `${path} does not exist`;
    const source = readFileSync(file, 'utf8');
    // The search text contains the quotes of the title, so that it does not match a part of a longer title.
    const spellings = path.endsWith('.json')
      ? [`"name": ${JSON.stringify(title)}`]
      : [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``];
    if (!spellings.some((spelling) => source.includes(spelling))) return `${path} has no “${title}”`;
  }
  return undefined;
}

describe.each(readdirSync(LISTS))('%s', (list) => {
  const behaviours = behavioursOf(list);

  test('every table line of a list is a valid row, and each test name appears once', () => {
    const text = readFileSync(new URL(list, LISTS), 'utf8');
    const lines = text.split('\n').filter((line) => line.startsWith('|') && !/^\| ?(-|ASP)/.test(line));
    expect(behaviours.length).toBe(lines.length);
    expect(behaviours.length).toBeGreaterThan(20);
    expect(new Set(behaviours.map(({ name }) => name)).size).toBe(behaviours.length);
  });

  test('each row of a list cites existing tests, or explains why there is none', () => {
    const faults = behaviours
      .filter(({ here }) => !/^(does not apply|differs): \S/.test(here))
      .map(({ name, here }) => [name, fault(here)] as const)
      .filter(([, why]) => why !== undefined);
    expect(faults).toEqual([]);
  });
});

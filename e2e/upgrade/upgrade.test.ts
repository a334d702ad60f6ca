// Gateways of the current build replace gateways of an earlier build under load. Then gateways of the earlier build replace
// them again. `npm run upgrade -- --write` writes the table.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { offerTable } from '../faults/support/reliability-page.js';
import { Resources } from '../fixtures/systems/resources.js';
import { type Build, buildBase } from './support/base-build.js';
import {
  presentBuild,
  type Replacement,
  type RunnableBuild,
  UpgradeSystem,
} from './support/upgrade-system.js';

const resources = new Resources();
let base: Build;
let system: UpgradeSystem;
const replacements: Replacement[] = [];

beforeAll(async () => {
  base = resources.use(await buildBase());
  system = resources.use(await UpgradeSystem.start([base, presentBuild]));
}, 600_000);

afterAll(() => resources[Symbol.asyncDispose](), 60_000);

const directions: readonly (readonly [string, () => RunnableBuild])[] = [
  ['replaced by the current build', () => presentBuild],
  ['restored', () => base],
];

test.each(directions)(
  'no event is lost, repeated or reordered while gateways of an earlier build are %s',
  async (_, buildOf) => {
    const replacement = await system.replaceAll(buildOf());
    replacements.push(replacement);
    const { judgement } = replacement;
    expect(judgement, judgement.examples.join('\n')).toMatchObject({
      lost: 0,
      wronglyRecovered: 0,
      handledTwice: 0,
      outOfOrder: 0,
      unknown: 0,
      excused: 0,
    });
    expect(replacement).toMatchObject({
      reloads: 0,
      unconfirmed: 0,
      deadLetters: 0,
      receipts: { lost: 0, twice: 0 },
    });
    expect(judgement.published).toBeGreaterThan(1_000);
    expect(replacement.receipts.accepted).toBeGreaterThan(100);
    if (replacements.length === directions.length) offerTable('upgrade', upgradeTable(replacements));
  },
  300_000,
);

function upgradeTable(runs: readonly Replacement[]): string {
  const row = (what: string, figure: (run: Replacement) => number): string =>
    `| ${what} | ${runs.map((run) => Math.round(figure(run)).toLocaleString('en')).join(' | ')} |`;
  return [
    `| what | ${runs.map(({ from, to }) => `${from} → ${to}`).join(' | ')} |`,
    `|---|${'---|'.repeat(runs.length)}`,
    row('events published and confirmed', ({ judgement }) => judgement.published),
    row('deliveries due', ({ judgement }) => judgement.due),
    row('**lost**', ({ judgement }) => judgement.lost),
    row('**handled twice**', ({ judgement }) => judgement.handledTwice),
    row('**out of order**', ({ judgement }) => judgement.outOfOrder),
    row('**told to reload**', ({ reloads }) => reloads),
    row('arrived again and were recognised', ({ judgement }) => judgement.repeated),
    row('receipts accepted into windows of both builds', ({ receipts }) => receipts.accepted),
    row('of these **lost, or named twice**', ({ receipts }) => receipts.lost + receipts.twice),
    row('dead letters', ({ deadLetters }) => deadLetters),
    row('seconds', ({ seconds }) => seconds),
    '',
    'Command: `npm run upgrade -- --write`.',
  ].join('\n');
}

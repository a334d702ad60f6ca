// Copies the results of the last long runs from docs/nightly.md, and lists where the tables of figures are. Pure.

const parts = ['chaos-', 'durability', 'rolling-restart', 'upgrade', 'readable'];

/** Returns the text of the page. @param read reads a file of the repository */
export function runsPage(read) {
  const rows = read('docs/nightly.md')
    .split('\n')
    .filter((line) => parts.some((part) => line.startsWith(`| ${part}`)));
  return [
    '# Last long runs',
    '',
    'From [nightly.md](../nightly.md), at the time of the last `npm run evidence`. The faults that are drawn and the promises that are judged are in [reliability.md](../reliability.md),',
    'the table of abuse is in [performance.md](../performance.md#abuse).',
    '',
    '| part | command | day | commit | minutes | result |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

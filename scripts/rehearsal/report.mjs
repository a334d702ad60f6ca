// The table of a rehearsal, and the lines for its faults. Pure.

/** Returns one line for each fault of a package: its name, the step, and the fault. */
export function faultLines({ name, faults }) {
  return Object.entries(faults).flatMap(([step, lines]) => lines.map((line) => `${name}, ${step}: ${line}`));
}

const kilobytes = (bytes) => `${Math.ceil(bytes / 1_000).toLocaleString('en')} kB`;

/** Returns a page with the table of a run between its markers. */
export function withTable(page, results, { day, commit, compilers }) {
  const steps = [...new Set(results.flatMap(({ faults }) => Object.keys(faults)))];
  const rows = results.map(({ name, bytes, size, faults }) => [
    `\`${name}\``,
    kilobytes(bytes),
    size === undefined ? '' : `${kilobytes(size.bytes)}, ${size.packages}`,
    ...steps.map((step) => (faults[step]?.length === 0 ? 'ok' : 'failed')),
  ]);
  const table = [
    ['package', 'tarball', 'installed, packages', ...steps],
    ['---', '--:', '--:', ...steps.map(() => '---')],
    ...rows,
  ].map((cells) => `| ${cells.join(' | ')} |`);
  const text = [`${day}, commit ${commit}; ${compilers.join(' and ')}.`, '', ...table].join('\n');
  return page.replace(
    /(<!-- begin rehearsal -->\n).*?(<!-- end rehearsal -->)/s,
    (_, begin, end) => `${begin}${text}\n${end}`,
  );
}

// Draws charts as Mermaid text, which GitHub and most Markdown readers display.

/** A bar chart: one value for each step on the x axis. */
export interface Chart {
  readonly title: string;
  readonly x: { readonly label: string; readonly steps: readonly string[] };
  readonly y: { readonly label: string; readonly values: readonly number[] };
}

/** Returns a bar chart whose axis begins at zero. Leaves out steps without a value. */
export function barChart({ title, x, y }: Chart): string {
  const points = y.values.flatMap((value, index) =>
    Number.isFinite(value) ? [{ step: x.steps[index] ?? '', value: Number(value.toPrecision(3)) }] : [],
  );
  const highest = Math.max(0, ...points.map(({ value }) => value));
  const top = Number((highest * 1.1).toPrecision(2));
  return [
    '```mermaid',
    'xychart-beta',
    `  title "${title}"`,
    `  x-axis "${x.label}" [${points.map(({ step }) => `"${step}"`).join(', ')}]`,
    `  y-axis "${y.label}" 0 --> ${top}`,
    `  bar [${points.map(({ value }) => value).join(', ')}]`,
    '```',
  ].join('\n');
}

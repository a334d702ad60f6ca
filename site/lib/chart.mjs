// Draws the bar charts of docs/performance.md (`xychart-beta` of Mermaid) as SVG while the site is built, so that no page loads a
// library for them.

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 70;
const TOP = 44;
const BOTTOM = 250;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** Returns the SVG of a chart. Throws for anything but a bar chart with a list of names, which is all that the pages have. */
export function chartOf(source) {
  const title = /title "(.*?)"/.exec(source)?.[1];
  const [, xLabel, list] = /x-axis "(.*?)" \[(.*?)\]/.exec(source) ?? [];
  const [, yLabel, , most] = /y-axis "(.*?)" (\S+) --> (\S+)/.exec(source) ?? [];
  const values = /bar \[(.*?)\]/.exec(source)?.[1]?.split(',').map(Number);
  if (list === undefined || most === undefined || values === undefined)
    throw new Error(
      `A chart must be a bar chart with a title, named bars and both axes. This one is not:\n${source}`,
    );
  const names = Array.from(list.matchAll(/"(.*?)"/g), ([, name]) => name);
  const scale = (BOTTOM - TOP) / Number(most);
  const step = (WIDTH - LEFT - 10) / names.length;
  const bars = names.map((name, index) => {
    const height = values[index] * scale;
    const middle = LEFT + step * (index + 0.5);
    return `<rect class="bar" x="${middle - step * 0.3}" y="${BOTTOM - height}" width="${step * 0.6}" height="${height}"/>
<text class="ink" x="${middle}" y="${BOTTOM - height - 6}" text-anchor="middle">${values[index].toLocaleString('en')}</text>
<text class="soft" x="${middle}" y="${BOTTOM + 18}" text-anchor="middle">${escape(name)}</text>`;
  });
  const label = `${title}: ${yLabel}, by ${xLabel}. ${names.map((name, index) => `${name}: ${values[index]}`).join('; ')}`;
  return `<svg class="picture" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(label)}">
<text class="ink" x="${LEFT}" y="22">${escape(yLabel)}</text>
<line class="line" x1="${LEFT}" y1="${BOTTOM}" x2="${WIDTH - 10}" y2="${BOTTOM}"/>
${bars.join('\n')}
<text class="soft" x="${(LEFT + WIDTH) / 2}" y="${BOTTOM + 40}" text-anchor="middle">${escape(xLabel)}</text>
</svg>`.replaceAll('\n', '');
}

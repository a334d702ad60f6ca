/*
 * The matrix as a table in packages/signalr/docs/compatibility.md. It is written from the list of cells, and read back as names of
 * cells.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type Cell,
  cellsOf,
  FEATURES,
  type FeatureName,
  LANES,
  type Lane,
  type Protocol,
  type RuntimeName,
  type Transport,
  VERSIONS,
} from './cells.js';

/** The page that holds the table. */
export const PAGE_PATH = fileURLToPath(new URL('../../../docs/compatibility.md', import.meta.url));

const TRANSPORT_TITLES: Readonly<Record<Transport, string>> = {
  WebSockets: 'WebSockets',
  ServerSentEvents: 'server-sent events',
  LongPolling: 'long polling',
};
const PROTOCOL_TITLES: Readonly<Record<Protocol, string>> = { json: 'JSON', messagepack: 'MessagePack' };

/** Returns the transport and the protocol in words, for the headings of columns and tests. */
export function laneTitle({ transport, protocol }: Lane): string {
  return `${TRANSPORT_TITLES[transport]}, ${PROTOCOL_TITLES[protocol]}`;
}

/** Returns the name of a cell, which is used to compare the table with the tests. */
export function cellName({ version, feature, ...lane }: Omit<Cell, 'runtime'>): string {
  return nameOf(version.split('.')[0] ?? version, FEATURES[feature].title, laneTitle(lane));
}

const nameOf = (major: string, title: string, lane: string): string => `${major} | ${lane} | ${title}`;

const heading = (runtime: RuntimeName): string => `### In ${runtime}`;

const begin = '<!-- begin matrix -->';
const end = '<!-- end matrix -->';

/** Returns the page with new tables. Everything outside of the markers stays unchanged. */
export function renderPage(page: string, runtimes: readonly RuntimeName[]): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${PAGE_PATH} has lost its markers`);
  const versions = `Versions of the clients: ${VERSIONS.join(' and ')}.`;
  const tables = [versions, ...runtimes.map(renderTable)].join('\n\n');
  return `${page.slice(0, from + begin.length)}\n\n${tables}\n\n${page.slice(to)}`;
}

function renderTable(runtime: RuntimeName): string {
  const cells = cellsOf(runtime);
  const rows = (Object.keys(FEATURES) as FeatureName[])
    .filter((feature) => cells.some((cell) => cell.feature === feature))
    .map((feature) => {
      const majors = LANES.map((lane) => majorsOf(cells, feature, lane));
      return `| ${FEATURES[feature].title}${reasonOf(feature)} | ${majors.join(' | ')} |`;
    });
  const titles = LANES.map(laneTitle);
  return [
    heading(runtime),
    '',
    `| the client … | ${titles.join(' | ')} |`,
    `|---|${titles.map(() => '---').join('|')}|`,
    ...rows,
  ].join('\n');
}

function majorsOf(cells: readonly Cell[], feature: FeatureName, { transport, protocol }: Lane): string {
  const majors = cells
    .filter((cell) => cell.feature === feature)
    .filter((cell) => cell.transport === transport && cell.protocol === protocol)
    .map(({ version }) => version.split('.')[0]);
  return majors.length === 0 ? '–' : majors.join(', ');
}

function reasonOf(feature: FeatureName): string {
  const entry = FEATURES[feature];
  return 'because' in entry ? ` (${entry.because})` : '';
}

/**
 * Returns the names of the cells that a page shows as passing. Reads them from the page itself instead of the list of cells.
 */
export function publishedCells(
  runtime: RuntimeName,
  page = readFileSync(PAGE_PATH, 'utf8'),
): ReadonlySet<string> {
  const section = page.split(`${heading(runtime)}\n`)[1]?.split(/\n#|<!--/)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  const [titles = [], , ...body] = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const names = body.flatMap(([title = '', ...cells]) =>
    cells.flatMap((cell, index) =>
      Array.from(cell.matchAll(/\d+/g), ([major]) =>
        nameOf(major, title.replace(/ \(.*\)$/, ''), titles[index + 1] ?? ''),
      ),
    ),
  );
  return new Set(names);
}

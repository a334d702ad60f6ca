// Writes docs/metrics.md from the metrics that a gateway creates.
import { createMetrics, type MetricDescription } from '../../src/telemetry/metrics.js';

const head = `# Metrics

\`GET /metrics\` answers in the text format of Prometheus. \`npm run docs:reference\` writes this page from \`apps/gateway/src/telemetry/metrics.ts\`.

The values of every label are bounded: event types of the catalog, streams, reasons from a fixed list, and the first 100 source instances. Therefore neither clients nor producers can add time
series without limit. A counter that has not counted yet has no line. The default metrics of \`prom-client\` (\`process_…\`, \`nodejs_…\`) are there as well.

Four of them show whether events arrive:

- \`event_delivery_duration_seconds\` is the time from the stream to the queues of the clients.
- \`event_consumer_lag\` grows when no gateway reads.
- \`events_dropped_total\` names the reason of every event that was not delivered.
- \`saturation\` shows how near a gateway is to its limit.

| metric | kind | labels | meaning |
|---|---|---|---|
`;

const isDefault = ({ name }: MetricDescription): boolean => /^(process|nodejs)_/.test(name);

function row({ name, kind, labels, help }: MetricDescription): string {
  const shown = labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${kind} |${shown === '' ? '' : ` ${shown}`} | ${help.replaceAll('|', '\\|')} |`;
}

/** The whole page. */
export function renderMetricsPage(): string {
  const own = createMetrics()
    .describe()
    .filter((metric) => !isDefault(metric))
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
  return `${head}${own.map(row).join('\n')}\n`;
}

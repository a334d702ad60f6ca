// The order of the pages on the site. A page is named by its file in the repository; its title in the menu is shorter than its
// heading where that helps. Pages in docs/ that are named nowhere here are shown under "More".

/** @type {readonly { text: string, pages: readonly (readonly [text: string, file: string])[] }[]} */
export const sections = [
  {
    text: 'Start',
    pages: [
      ['Getting started', 'docs/getting-started.md'],
      ['A new project', 'packages/create-millrace/README.md'],
      ['The smallest FastAPI application', 'examples/fastapi-min/README.md'],
      ['Why Millrace, and when not', 'docs/comparison.md'],
      ['Glossary', 'docs/glossary.md'],
    ],
  },
  {
    text: 'Concepts',
    pages: [
      ['Rooms and events', 'docs/concepts/rooms-and-events.md'],
      ['Positions and replay', 'docs/concepts/positions.md'],
      ['Streams and the consumer group', 'docs/concepts/streams.md'],
      ['What is guaranteed', 'docs/reliability.md'],
    ],
  },
  {
    text: 'Guides: backends',
    pages: [
      ['FastAPI', 'docs/fastapi.md'],
      ['A FastAPI application', 'examples/fastapi/README.md'],
      ['Express', 'docs/express.md'],
      ['.NET', 'docs/dotnet.md'],
      ['Your own event types', 'docs/own-event-types.md'],
      ['Intake: entries of other programs', 'docs/intake.md'],
      ['Access to rooms', 'docs/access.md'],
      ['Members, sign-out and tokens', 'docs/membership.md'],
      ['Erasing events', 'docs/erasure.md'],
    ],
  },
  {
    text: 'Guides: clients',
    pages: [
      ['@millrace/client', 'packages/client/README.md'],
      ['React', 'packages/react/README.md'],
      ['Screens that are never stale', 'docs/never-stale.md'],
      ['Presence', 'docs/presence.md'],
      ['Views: existing SignalR clients', 'docs/views.md'],
    ],
  },
  {
    text: 'Guides: migration',
    pages: [
      ['From ASP.NET Core SignalR', 'docs/from-aspnet.md'],
      ['From Socket.IO', 'docs/from-socket-io.md'],
      ['From polling', 'docs/from-polling.md'],
      ['Side by side with an existing system', 'docs/side-by-side.md'],
    ],
  },
  {
    text: 'Operations',
    pages: [
      ['Deploy', 'docs/deploy.md'],
      ['Connecting to Redis', 'docs/redis.md'],
      ['Redis permissions (ACL)', 'docs/redis-rights.md'],
      ['Ports, probes, audit log', 'docs/operations.md'],
      ['Capacity', 'docs/scaling.md'],
      ['Redis Cluster and partitions', 'docs/cluster.md'],
      ['Back-up and restore', 'docs/backup.md'],
      ['Upgrade', 'docs/upgrading.md'],
      ['Versions and stability', 'docs/stability.md'],
      ['Compatibility', 'docs/compatibility.md'],
      ['Dead letters', 'docs/dead-letters.md'],
      ['Streams in trouble', 'docs/streams-in-trouble.md'],
      ['Rate limits and fairness', 'docs/fairness.md'],
      ['Security', 'docs/security.md'],
    ],
  },
  {
    text: 'Figures',
    pages: [
      ['Latency budget', 'docs/latency.md'],
      ['Performance', 'docs/performance.md'],
    ],
  },
  {
    text: 'Reference',
    pages: [
      ['Settings', 'docs/settings.md'],
      ['Errors', 'docs/errors.md'],
      ['Metrics', 'docs/metrics.md'],
      ['HTTP routes', 'docs/http.md'],
      ['Command line', 'docs/cli.md'],
      ['Protocol', 'docs/protocol.md'],
      ['Data model', 'docs/contract/README.md'],
      ['SignalR compatibility', 'packages/signalr/docs/compatibility.md'],
    ],
  },
  {
    text: 'Packages',
    pages: [
      ['@millrace/gateway', 'apps/gateway/README.md'],
      ['@millrace/publisher', 'packages/publisher/README.md'],
      ['@millrace/contract', 'packages/contract/README.md'],
      ['@millrace/signalr', 'packages/signalr/README.md'],
      ['@millrace/broker', 'packages/broker/README.md'],
      ['@millrace/api-documents', 'packages/api-documents/README.md'],
    ],
  },
  {
    text: 'Project',
    pages: [
      ['The project in one page', 'README.md'],
      ['Architecture', 'ARCHITECTURE.md'],
      ['Contributing', 'CONTRIBUTING.md'],
      ['Security policy', 'SECURITY.md'],
      ['Releases', 'docs/releases.md'],
      ['Nightly tests', 'docs/nightly.md'],
    ],
  },
];

// Defines every metric that the gateway exports, by name. The values of each label are bounded (event types of the catalog,
// streams, reasons, the first 100 source instances). Therefore neither clients nor producers can add time series without
// limit.
import type { StreamInspection } from '@millrace/broker';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

// The buckets range from 0.1 ms, the usual duration, to 10 s, which shows a fault.
const durationBucketsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Interval at which the event loop's lag is sampled. The default of 10 ms would wake an idle gateway 100 times a second. */
const loopSampleMs = 100;

/** The gateway's metrics. Each gateway has its own object and registry. */
export type Metrics = ReturnType<typeof createMetrics>;

/** One metric, without its values. */
export interface MetricDescription {
  readonly name: string;
  readonly kind: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** Creates the metrics. {@link Metrics.expose} returns the text for Prometheus. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: loopSampleMs });

  const publishDuration = new Histogram({
    name: 'event_publish_duration_seconds',
    help: 'Time from the call of publish to its resolution, for events published by this process',
    labelNames: ['transport', 'event_type'] as const,
    buckets: durationBucketsSeconds,
    registers,
  });
  const deliveryDuration = new Histogram({
    name: 'event_delivery_duration_seconds',
    help: 'Time from the entry in its stream (broker time, whole milliseconds) to the queues of all connections that are in the room on this gateway; not measured where there are none',
    labelNames: ['event_type'] as const,
    buckets: durationBucketsSeconds,
    registers,
  });
  const published = counter('events_published_total', 'Events stored by this process', []);
  const delivered = counter(
    'events_delivered_total',
    'Events queued to a connection, counted per connection',
    [],
  );
  const dropped = counter(
    'events_dropped_total',
    'Events that were not delivered, by reason: invalid, unknown_type (only another gateway has the type in its catalog), duplicate, stale, ended, ' +
      'superseded (by a later state within its window), rate_limited, unavailable, too_large, lagging_client (not sent to a client that reads too ' +
      'slowly), slow_client (its connection was closed), expired (left the stream, by the MAXLEN of a producer or the hard cap, before this gateway ' +
      'read them; or cut by this gateway before all gateways had read them)',
    ['reason'],
  );
  const coalesced = counter('events_coalesced_total', 'Events merged into a later one', ['event_type']);
  const controlEntries = counter(
    'control_entries_total',
    'Control entries that this gateway read, by kind (unknown for the ignored ones) and outcome: followed, ignored_version and ignored_kind (written ' +
      'by a later build), ignored_malformed (written by no build of Millrace)',
    ['kind', 'outcome'],
  );
  const intakeRejected = counter(
    'intake_rejected_total',
    'Entries of streams with an intake rule that became dead letters, by rule (the name of the stream) and step: layout, payload, map (it threw), slow ' +
      '(map took more than 5 ms), event (the catalog refuses the event that the rule made)',
    ['rule', 'step'],
  );
  const intakeStreams = gauge(
    'intake_streams',
    'Streams of other programs that this gateway reads, by rule (the pattern). Only one gateway reads the streams of a pattern',
    ['rule'],
  );
  const intakeStreamsIgnored = gauge(
    'intake_streams_ignored',
    'Streams that match a pattern and are not read, because 256 others are',
    ['rule'],
  );
  const clockSkewed = counter('event_clock_skew_total', 'Events whose timestamp is far from broker time', [
    'source_instance',
  ]);
  const naiveTimestamps = counter(
    'event_naive_timestamps_total',
    'Events whose timestamp has no offset from UTC; it is read as UTC',
    ['source_instance'],
  );
  const gaps = counter(
    'event_gap_entries_total',
    'Entries that left a stream before this gateway read them',
    ['stream'],
  );
  const queueDepth = gauge('event_queue_depth', 'Entries of a stream that are not acknowledged yet', [
    'stream',
  ]);
  const consumerLag = gauge('event_consumer_lag', 'Entries of a stream that the group has not consumed', [
    'stream',
    'consumer_group',
  ]);
  const oldestEntryAge = gauge('event_oldest_entry_age_seconds', 'Age of the oldest entry kept in a stream', [
    'stream',
  ]);
  const oldestPendingAge = gauge(
    'event_oldest_pending_age_seconds',
    'Age of the oldest entry that is consumed and not acknowledged',
    ['stream'],
  );
  const replayWindow = gauge(
    'replay_window_seconds',
    'Time for which events of a stream are kept in memory for returning clients, the shortest of all tenants',
    ['stream'],
  );
  const expired = gauge(
    'event_expired_entries',
    'Entries that were ever cut from a stream before they were acknowledged',
    ['stream'],
  );
  const healed = counter(
    'coalescing_windows_healed_total',
    'Keys in Redis, of coalescing windows and others, that held a value that Millrace did not write; it was deleted',
    [],
  );
  const streamTrouble = gauge(
    'event_stream_trouble',
    '1 while something is wrong with a stream: refused (by the store), exhausted (its newest ID is the largest there is), ahead (its newest ID lies in the future)',
    ['stream', 'kind'],
  );
  const deadLetters = gauge('event_dead_letters', 'Rejected entries kept for inspection', ['stream']);
  const connections = gauge(
    'signalr_server_active_connections',
    'Open connections, with the streams and waiting polls of readers over HTTP',
    [],
  );
  const waitingBytes = gauge(
    'signalr_server_waiting_bytes',
    'Bytes that wait in this process because their clients have not read them yet',
    [],
  );
  const disconnects = counter('signalr_server_disconnects_total', 'Closed connections', ['reason']);

  const saturation = gauge(
    'saturation',
    'How near this process is to its limit, 0 to 1: the larger of the share of the last second in which its event loop was busy, and of ' +
      'how full its queue of events that wait for the broker is',
    [],
  );
  const slowClients = counter(
    'slow_clients_total',
    'Clients that read too slowly, by outcome: caught_up at their own pace, or closed because that was not possible',
    ['outcome'],
  );
  const viewRejections = counter(
    'view_events_rejected_total',
    'Events that were not sent to the clients of a view, because its rule threw, was slow (took more than 5 ms), or returned something invalid',
    ['view', 'event_type', 'reason'],
  );
  const replaysGivenUp = counter(
    'replays_given_up_total',
    'Clients that were told to reload a room because they disconnected five times right after the same replay',
    [],
  );
  const refusals = counter(
    'http_refusals_total',
    "HTTP requests that were refused: at the gateway's own paths (api, codes of docs/errors.md) or at a hub's (hub)",
    ['at', 'code'],
  );

  const tenantRefusals = counter(
    'tenant_refusals_total',
    'Requests and calls that were refused because a tenant has reached a limit: publish_rate (a request to POST /v1/events), client_event_rate ' +
      '(typing or a receipt of a client), connections (a join)',
    ['reason'],
  );
  const tenantFaults = counter(
    'tenant_faults_total',
    'Calls of tenantOf that threw an error or returned something that is not the name of a tenant',
    [],
  );
  const tenantsOverShare = gauge(
    'replay_tenants_over_share',
    'Tenants that lost events from the replay memory because they have more of them than fit into it',
    [],
  );
  const callsRefused = counter(
    'hub_calls_refused_total',
    'Calls of clients that were refused because their user has reached a limit: rate_limited (before the call ran), too_many_rooms',
    ['reason'],
  );
  const keyServerRequests = counter(
    'key_server_requests_total',
    'Requests to MILLRACE_JWKS_URL for the keys of tokens, answered or failed',
    ['outcome'],
  );
  const accessQuestions = counter(
    'access_questions_total',
    'Questions if a user may enter a room to access.mayEnter or MILLRACE_ACCESS_URL, by outcome: allowed, refused, failed (no answer, or a wrong one)',
    ['outcome'],
  );
  const accessUnasked = counter(
    'access_unasked_total',
    'Calls and requests for a room that the access rule was not asked about: stale (allowed by an old yes), away (the rule cannot be asked: told to try again), busy (too many questions wait: told to try again)',
    ['outcome'],
  );
  const accessAway = gauge('access_away', '1 while the access rule cannot be asked', []);
  const userOfFailures = counter(
    'access_user_failures_total',
    'Tokens whose user is unknown because access.userOf of the application failed',
    [],
  );

  const presenceEntries = gauge(
    'presence_entries',
    'Clients of this gateway in rooms, those that were lost within the grace included; every connection is also in the room of its user',
    [],
  );
  const presenceWatchedRooms = gauge(
    'presence_watched_rooms',
    'Rooms whose members clients of this gateway watch',
    [],
  );
  const presenceWrites = counter('presence_writes_total', 'Changes of presence written to the store', []);
  const presenceMessages = counter(
    'presence_messages_total',
    'Messages `presence` to clients, by kind: snapshot, delta, counts',
    ['kind'],
  );
  const presenceSwept = counter(
    'presence_swept_total',
    'Users in rooms from whom this gateway removed the connections of a gateway whose lease had ended',
    [],
  );
  const presenceLeasesLost = counter(
    'presence_leases_lost_total',
    'Leases of presence that this gateway lost: it was stopped for longer than the grace, or the store was unavailable or lost its data',
    [],
  );

  function counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers });
  }
  function gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers });
  }

  return {
    publishDuration,
    deliveryDuration,
    published,
    delivered,
    dropped,
    coalesced,
    controlEntries,
    intakeRejected,
    intakeStreams,
    intakeStreamsIgnored,
    clockSkewed,
    naiveTimestamps,
    gaps,
    replayWindow,
    streamTrouble,
    healed,
    connections,
    waitingBytes,
    disconnects,
    saturation,
    slowClients,
    refusals,
    callsRefused,
    replaysGivenUp,
    viewRejections,
    keyServerRequests,
    accessQuestions,
    accessUnasked,
    accessAway,
    userOfFailures,
    tenantRefusals,
    tenantFaults,
    tenantsOverShare,
    presenceEntries,
    presenceWatchedRooms,
    presenceWrites,
    presenceMessages,
    presenceSwept,
    presenceLeasesLost,

    /** Sets the metrics of a stream from the broker's inspection. */
    observeStream(group: string, inspection: StreamInspection): void {
      const { stream, timeMs } = inspection;
      queueDepth.set({ stream }, inspection.unconsumed + inspection.pending);
      consumerLag.set({ stream, consumer_group: group }, inspection.unconsumed);
      oldestEntryAge.set({ stream }, ageSeconds(timeMs, inspection.firstId));
      oldestPendingAge.set({ stream }, ageSeconds(timeMs, inspection.oldestPendingId));
      expired.set({ stream }, inspection.expired);
      deadLetters.set({ stream }, inspection.deadLetters);
    },

    /** Returns name, kind, labels and description of every metric, without values. docs/metrics.md is generated from it. */
    describe(): readonly MetricDescription[] {
      return registry.getMetricsAsArray().map((metric) => ({
        name: metric.name,
        help: metric.help,
        kind: String(metric.type),
        labels:
          'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : [],
      }));
    },

    /** Returns the text that Prometheus scrapes, with its content type. */
    async expose(): Promise<{ readonly contentType: string; readonly text: string }> {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

function ageSeconds(timeMs: number, id: string | undefined): number {
  return id === undefined ? 0 : Math.max(0, timeMs - Number.parseInt(id, 10)) / 1000;
}

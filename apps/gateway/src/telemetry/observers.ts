// Turns the reports of the components into metrics and log lines.
import type { SubscriberOptions } from '@millrace/broker';
import type { StreamEvent } from '@millrace/contract';
import type { PublisherObserver } from '@millrace/publisher';
import type { SignalREvent } from '@millrace/signalr';
import type { DispatchObserver } from '../dispatch/dispatcher.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';

// Maximum number of source instances that are counted separately. Producers choose these names, so the number of labels must be
// bounded.
const maxSourceInstances = 100;

/** Counts the events that the publisher stores, coalesces and drops. `transport` is the broker's kind: `redis` or `memory`. */
export function createPublisherObserver(
  metrics: Metrics,
  logger: Logger,
  transport: string,
): PublisherObserver {
  return {
    stored(event, receipt, durationMs) {
      metrics.publishDuration.observe({ transport, event_type: event.event_type }, durationMs / 1000);
      if (receipt.isDuplicate) metrics.dropped.inc({ reason: 'duplicate' });
      else metrics.published.inc();
    },
    coalesced(event) {
      metrics.coalesced.inc({ event_type: event.event_type });
    },
    dropped({ reason, count }) {
      metrics.dropped.inc({ reason }, count);
    },
    flushRefused(slot, cause) {
      logger.error(
        { err: cause, slot },
        'coalesced events cannot be stored: the store refuses their windows, and forgets them after ten minutes',
      );
    },
  };
}

/** Counts the events of the dispatcher. Logs the first timestamp of each source instance that has no offset from UTC. */
export function createDispatchObserver(metrics: Metrics, logger: Logger): DispatchObserver {
  const skewedSources = new SourceInstances();
  const naiveSources = new SourceInstances();
  return {
    delivered({ event }, recipients, delayMs) {
      if (recipients === 0) return;
      metrics.deliveryDuration.observe({ event_type: event.event_type }, delayMs / 1000);
      metrics.delivered.inc(recipients);
    },
    dropped(_received, reason) {
      metrics.dropped.inc({ reason });
    },
    skipped() {
      metrics.dropped.inc({ reason: 'skipped' });
    },
    control({ kind, outcome }) {
      metrics.controlEntries.inc({ kind, outcome });
    },
    clockSkewed({ event }) {
      metrics.clockSkewed.inc({ source_instance: skewedSources.note(event).label });
    },
    naiveTimestamp({ event }) {
      const { label, isFirst } = naiveSources.note(event);
      metrics.naiveTimestamps.inc({ source_instance: label });
      if (!isFirst) return;
      const about = { sourceInstance: label, eventType: event.event_type };
      logger.warn(
        about,
        'a timestamp without an offset from UTC is read as UTC; write it with Z or an offset',
      );
    },
    failed(stream, { id }, error) {
      logger.error(
        { stream, entryId: id, err: error },
        'a function of the catalog, or the gateway, failed on an entry',
      );
    },
  };
}

/** Counts and logs the subscriber's reports of streams in trouble, moved streams, trims, state changes and errors. */
export function createSubscriberObserver(metrics: Metrics, logger: Logger): Partial<SubscriberOptions> {
  return {
    onTrouble: ({ stream, kind, message }) => {
      metrics.streamTrouble.set({ stream, kind }, 1);
      const about = { stream, trouble: kind, reason: message };
      logger[kind === 'ahead' ? 'warn' : 'error'](about, 'stream in trouble');
    },
    onTroubleOver: (stream, kind) => {
      metrics.streamTrouble.set({ stream, kind }, 0);
      logger.info({ stream, trouble: kind }, 'stream no longer in trouble');
    },
    onMove: (stream) => logger.info({ stream }, 'another server has the stream now; nothing was lost'),
    onTrim: (stream, { expired }) => {
      if (expired === 0) return;
      metrics.dropped.inc({ reason: 'expired' }, expired);
      // A gateway that had not read these entries detects a gap and notifies its clients.
      logger.error(
        { stream, expired },
        'entries were cut from the stream before every gateway had read them',
      );
    },
    onStateChange: (state, cause) =>
      logger.info({ state, ...(cause === undefined ? {} : { reason: cause.message }) }, 'subscriber state'),
    onError: (error, source) => logger.error({ source, reason: error.message }, 'subscriber error'),
  };
}

/** The label values for source instances in one metric: at most `maxSourceInstances` names, and `other`. */
class SourceInstances {
  readonly #names = new Set<string>();

  /** Returns the label for the event's source instance, or `other` if there are too many. `isFirst` is true if the label is new. */
  note({ metadata }: StreamEvent): { readonly label: string; readonly isFirst: boolean } {
    const name = metadata?.source_instance ?? 'unknown';
    if (this.#names.has(name)) return { label: name, isFirst: false };
    if (this.#names.size >= maxSourceInstances) return { label: 'other', isFirst: false };
    this.#names.add(name);
    return { label: name, isFirst: true };
  }
}

/** Counts and logs the events of the SignalR server. */
export function observeSignalR(event: SignalREvent, metrics: Metrics, logger: Logger): void {
  switch (event.type) {
    case 'connection_opened':
      metrics.connections.inc();
      logger.debug({ connectionId: event.connectionId, userId: event.userId }, 'connected');
      return;
    case 'connection_closed':
      metrics.connections.dec();
      metrics.disconnects.inc({ reason: event.reason });
      if (event.reason === 'slow_consumer') metrics.dropped.inc({ reason: 'slow_client' });
      // The `onConnected` of a view throws a `HubError` on purpose, for the client. Any other exception is a defect.
      if (event.reason === 'connected_failed' && event.error !== undefined && event.error.name !== 'HubError')
        logger.error(
          { err: event.error, hub: event.hub, connectionId: event.connectionId },
          'onConnected failed, so the connection was closed',
        );
      if (event.reason === 'rate_limited')
        logger.warn(
          { userId: event.userId },
          'connection closed: its client continued to send more than MILLRACE_MAX_CLIENT_CALLS_PER_SECOND allows',
        );
      logger.debug(
        { connectionId: event.connectionId, userId: event.userId, reason: event.reason },
        'disconnected',
      );
      return;
    case 'invocation_failed':
      if (event.failure === 'rate_limited') metrics.callsRefused.inc({ reason: 'rate_limited' });
      // A hub method throws a `HubError` on purpose, for its caller. Any other exception is a defect.
      if (event.failure === 'method_threw' && event.error !== undefined && event.error.name !== 'HubError') {
        logger.error(
          { err: event.error, connectionId: event.connectionId, method: event.method },
          'hub method failed',
        );
      }
      return;
    case 'hub_code_overdue':
      logger.error(
        { hub: event.hub, connectionId: event.connectionId, code: event.code },
        'code of a view still ran 30 s after its client had gone, so the connection ended without it: limit the time for which it waits for other systems',
      );
      return;
    case 'disconnected_hook_failed':
    case 'refreshed_hook_failed':
    case 'backpressure_hook_failed':
    case 'handler_failed':
    case 'authentication_failed':
    case 'request_failed':
      logger.error({ err: event.error, hub: event.hub }, event.type.replaceAll('_', ' '));
      return;
    case 'request_refused':
      metrics.refusals.inc({ at: 'hub', code: event.reason });
      // A refused origin is a warning: the developer of a web page looks for the reason in this log.
      if (event.origin === undefined) logger.debug({ ...event }, 'request refused');
      else
        logger.warn(
          { origin: event.origin },
          'origin refused: add it to MILLRACE_ALLOWED_ORIGINS if its pages may connect',
        );
      return;
    case 'message_replaced':
      metrics.dropped.inc({ reason: 'lagging_client' });
      return;
    case 'connection_resumed':
    case 'handshake_failed':
    case 'message_ignored':
      logger.debug({ ...event }, event.type.replaceAll('_', ' '));
      return;
    // These events never occur. The gateway's hub has no backplane, because events reach every gateway through the streams.
    case 'backplane_up':
    case 'backplane_down':
    case 'backplane_gap':
    case 'backplane_publish_failed':
    case 'backplane_version_unknown':
    case 'backplane_message_ignored':
      return;
  }
}

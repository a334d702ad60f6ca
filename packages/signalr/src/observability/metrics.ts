/*
 * Metrics with the names of ASP.NET Core, through an interface that fits any metrics library.
 */
import type { CloseReason } from '../connection/close-reason.js';
import type { SignalREvent, SignalREventListener } from '../events.js';
import type { TransportName } from '../protocol/negotiate.js';

/** Receives the measured values. Attribute values come from small fixed sets. @beta */
export interface MetricRecorder {
  /** Changes a gauge by `delta`. */
  add(name: string, delta: number, attributes: Readonly<Record<string, string>>): void;
  /** Records one value of a histogram. */
  record(name: string, value: number, attributes: Readonly<Record<string, string>>): void;
}

/** The names and units of all metrics. @beta */
export const SIGNALR_METRICS = {
  activeConnections: {
    name: 'signalr.server.active_connections',
    unit: '{connection}',
    description: 'Number of connections that are currently active on the server.',
  },
  connectionDuration: {
    name: 'signalr.server.connection.duration',
    unit: 's',
    description: 'The duration of connections on the server.',
  },
} as const;

const TRANSPORTS: Readonly<Record<TransportName, string>> = {
  WebSockets: 'web_sockets',
  ServerSentEvents: 'server_sent_events',
  LongPolling: 'long_polling',
};

/**
 * Creates a listener for `onEvent` that records two metrics: `signalr.server.active_connections` and
 * `signalr.server.connection.duration` (seconds). Their attributes are `signalr.transport` and `signalr.connection.status`.
 * Connections count from their handshake on. ASP.NET Core counts them a little earlier.
 * @beta
 */
export function measureSignalR(recorder: MetricRecorder): SignalREventListener {
  const { activeConnections, connectionDuration } = SIGNALR_METRICS;
  return (event: SignalREvent) => {
    if (event.type !== 'connection_opened' && event.type !== 'connection_closed') return;
    const attributes = { 'signalr.transport': TRANSPORTS[event.transport] };
    if (event.type === 'connection_opened') {
      recorder.add(activeConnections.name, 1, attributes);
      return;
    }
    recorder.add(activeConnections.name, -1, attributes);
    const status = { 'signalr.connection.status': statusOf(event.reason) };
    recorder.record(connectionDuration.name, event.durationMs / 1000, { ...status, ...attributes });
  };
}

/**
 * Returns the status of a closed connection. It has only the three values of ASP.NET Core. The event has the precise reason.
 */
function statusOf(reason: CloseReason): 'normal_closure' | 'timeout' | 'app_shutdown' {
  if (reason === 'server_closed') return 'app_shutdown';
  return reason === 'client_timeout' || reason === 'transport_lost' || reason === 'send_timeout'
    ? 'timeout'
    : 'normal_closure';
}

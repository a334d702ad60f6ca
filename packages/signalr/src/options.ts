/*
 * The options of a server: every limit and duration, checked once and frozen.
 */
import type { HubBackplane } from './backplane/hub-backplane.js';
import type { HubLinkLimits } from './backplane/hub-link.js';
import { type ServerClock, systemServerClock } from './connection/clock.js';
import type { ConnectionLimits } from './connection/connection-limits.js';
import { SignalRError } from './errors.js';
import type { SignalREventListener } from './events.js';
import type { CallLimits } from './hub/connection-calls.js';
import type { HubContext } from './hub/hub-context.js';
import type { HubFilter } from './hub/hub-filter.js';
import type { InstanceOptions } from './instances/instances.js';

/** Options of `createSignalRServer`. Where ASP.NET Core has the option, name and default are close to its own. */
export interface SignalRServerOptions {
  /** The server pings a client after it has sent nothing to it for this long. @defaultValue 15_000 */
  readonly keepAliveIntervalMs?: number;
  /**
   * A client that has pinged once and is then silent for this long is closed; it may reconnect. At least twice
   * the client's own ping interval. @defaultValue 30_000
   */
  readonly clientTimeoutMs?: number;
  /** From the opened transport to the handshake request. @defaultValue 15_000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * A negotiated connection without a transport expires after this. A long polling client that does not poll for this long counts as
   * lost, and so does a client whose socket broke under stateful reconnect. @defaultValue 15_000
   */
  readonly disconnectTimeoutMs?: number;
  /** A poll without news is answered after this; clients give up after 100 s. @defaultValue 90_000 */
  readonly pollTimeoutMs?: number;
  /** A client that accepts none of its waiting bytes for this long is closed; it may reconnect. @defaultValue 10_000 */
  readonly sendTimeoutMs?: number;
  /** How long a closing connection may take before it is cut off. @defaultValue 5_000 */
  readonly closeTimeoutMs?: number;
  /** Invocations of one client that run at a time; with 1 they run strictly in order. @defaultValue 1 */
  readonly maximumParallelInvocationsPerClient?: number;
  /** Items of an upload that wait for the method; then reading from the client stops. @defaultValue 10 */
  readonly streamBufferCapacity?: number;
  /** Streams that one client may have under way, in each direction; then calls fail. @defaultValue 1_000 */
  readonly maximumStreamsPerClient?: number;
  /**
   * Bytes that a client has not acknowledged under stateful reconnect; further messages wait in its outbound queue.
   * @defaultValue 100_000
   */
  readonly statefulReconnectBufferBytes?: number;
  /** Largest message a client may send, framing included; the handshake as well. @defaultValue 32_768 */
  readonly maximumReceiveMessageBytes?: number;
  /**
   * Largest WebSocket message a client may send; it may hold many hub messages (the .NET client joins messages that it sends at the
   * same time). @defaultValue 1_048_576
   */
  readonly maximumTransportMessageBytes?: number;
  /** Received bytes that may wait for a busy hub method; then reading from the client stops. @defaultValue 65_536 */
  readonly maximumInboundBufferBytes?: number;
  /** Bytes that may wait for one client; then it is closed and may reconnect. @defaultValue 1_048_576 */
  readonly maximumOutboundBytes?: number;
  /** Messages that may wait for one client; then it is closed and may reconnect. @defaultValue 8_192 */
  readonly maximumOutboundMessages?: number;
  /** Negotiated connections without a transport, per hub; then negotiate answers 503. @defaultValue 10_000 */
  readonly maximumPendingConnections?: number;
  /** Older negotiate versions are refused: 0 accepts all clients, 1 refuses those from before .NET Core 3.1. @defaultValue 0 */
  readonly minimumNegotiateVersion?: number;
  /** Several instances behind one address, without sticky sessions. @defaultValue a single instance */
  readonly instances?: InstanceOptions;
  /**
   * Connects several instances, so that sends, group changes and client results reach the connections of all of them.
   * @defaultValue a single instance
   */
  readonly backplane?: HubBackplane;
  /** Between two heartbeats of an instance on the backplane; at least `tickIntervalMs`. @defaultValue 1_000 */
  readonly backplaneHeartbeatIntervalMs?: number;
  /** How long other instances may take to answer whether they have a connection. @defaultValue 5_000 */
  readonly backplaneAnswerTimeoutMs?: number;
  /** Bytes that the backplane has not accepted yet; a message that would exceed them reaches this process only. @defaultValue 16_777_216 */
  readonly maximumBackplaneBytes?: number;
  /** Sends the text of every error to the client. Never use it in production. @defaultValue false */
  readonly enableDetailedErrors?: boolean;
  /** Code around every method and hook of every hub, the first outermost. */
  readonly filters?: readonly HubFilter<HubContext<unknown, unknown, unknown>>[];
  /** Resolution of all timeouts above. @defaultValue 1_000 */
  readonly tickIntervalMs?: number;
  /** The clock; for tests. @defaultValue the system's clock */
  readonly clock?: ServerClock;
  /** Receives events about connections, failures and refusals, for logs and metrics. */
  readonly onEvent?: SignalREventListener;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly limits: Omit<ConnectionLimits, 'closeOnAuthenticationExpiration'>;
  readonly callLimits: CallLimits;
  readonly filters: readonly HubFilter<HubContext<unknown, unknown, unknown>>[];
  readonly disconnectTimeoutMs: number;
  readonly pollTimeoutMs: number;
  readonly statefulReconnectBufferBytes: number;
  readonly maximumTransportMessageBytes: number;
  readonly maximumPendingConnections: number;
  readonly minimumNegotiateVersion: number;
  readonly instances: InstanceOptions | undefined;
  readonly backplane: HubBackplane | undefined;
  readonly backplaneLimits: HubLinkLimits;
  readonly tickIntervalMs: number;
  readonly clock: ServerClock;
  readonly onEvent: SignalREventListener | undefined;
}

/** The defaults of all numeric options. Where ASP.NET Core has the option, the default is the same. */
export const DEFAULT_OPTIONS = {
  keepAliveIntervalMs: 15_000,
  clientTimeoutMs: 30_000,
  handshakeTimeoutMs: 15_000,
  disconnectTimeoutMs: 15_000,
  pollTimeoutMs: 90_000,
  sendTimeoutMs: 10_000,
  closeTimeoutMs: 5_000,
  maximumParallelInvocationsPerClient: 1,
  streamBufferCapacity: 10,
  maximumStreamsPerClient: 1_000,
  statefulReconnectBufferBytes: 100_000,
  maximumReceiveMessageBytes: 32_768,
  maximumTransportMessageBytes: 1_048_576,
  maximumInboundBufferBytes: 65_536,
  maximumOutboundBytes: 1_048_576,
  maximumOutboundMessages: 8_192,
  maximumPendingConnections: 10_000,
  backplaneHeartbeatIntervalMs: 1_000,
  backplaneAnswerTimeoutMs: 5_000,
  maximumBackplaneBytes: 16_777_216,
  tickIntervalMs: 1_000,
} as const;

type NumberOption = keyof typeof DEFAULT_OPTIONS;

/** @throws SignalRError `invalid_option` */
export function resolveOptions(options: SignalRServerOptions): ResolvedOptions {
  const number = (name: NumberOption): number =>
    positiveInteger(name, options[name] ?? DEFAULT_OPTIONS[name]);
  const backplaneLimits = Object.freeze({
    heartbeatIntervalMs: number('backplaneHeartbeatIntervalMs'),
    answerTimeoutMs: number('backplaneAnswerTimeoutMs'),
    maximumBytes: number('maximumBackplaneBytes'),
  });
  return Object.freeze({
    limits: Object.freeze({
      keepAliveIntervalMs: number('keepAliveIntervalMs'),
      clientTimeoutMs: number('clientTimeoutMs'),
      handshakeTimeoutMs: number('handshakeTimeoutMs'),
      sendTimeoutMs: number('sendTimeoutMs'),
      closeTimeoutMs: number('closeTimeoutMs'),
      maximumReceiveMessageBytes: number('maximumReceiveMessageBytes'),
      maximumInboundBufferBytes: number('maximumInboundBufferBytes'),
      maximumOutboundBytes: number('maximumOutboundBytes'),
      maximumOutboundMessages: number('maximumOutboundMessages'),
      enableDetailedErrors: options.enableDetailedErrors ?? false,
    }),
    callLimits: Object.freeze({
      maximumParallelInvocationsPerClient: number('maximumParallelInvocationsPerClient'),
      streamBufferCapacity: number('streamBufferCapacity'),
      maximumStreamsPerClient: number('maximumStreamsPerClient'),
    }),
    filters: [...(options.filters ?? [])],
    disconnectTimeoutMs: number('disconnectTimeoutMs'),
    pollTimeoutMs: number('pollTimeoutMs'),
    statefulReconnectBufferBytes: number('statefulReconnectBufferBytes'),
    maximumTransportMessageBytes: number('maximumTransportMessageBytes'),
    maximumPendingConnections: number('maximumPendingConnections'),
    minimumNegotiateVersion: negotiateVersion(options.minimumNegotiateVersion ?? 0),
    instances: options.instances,
    backplane: options.backplane,
    backplaneLimits,
    tickIntervalMs: number('tickIntervalMs'),
    clock: options.clock ?? systemServerClock,
    onEvent: options.onEvent,
  });
}

/** There are two versions; a higher minimum would refuse every client. */
function negotiateVersion(value: number): 0 | 1 {
  if (value === 0 || value === 1) return value;
  throw new SignalRError(
    'invalid_option',
    `The option minimumNegotiateVersion must be 0 or 1; it is ${value}.`,
  );
}

function positiveInteger(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new SignalRError(
    'invalid_option',
    `The option ${name} must be a whole number above 0; it is ${value}.`,
  );
}

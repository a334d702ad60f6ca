/*
 * The options of a server: all limits and durations. They are checked when the server is created, and then frozen.
 */
import {
  callback,
  checkOptions,
  flag,
  nearestName,
  type OptionRules,
  objectWith,
  oneOf,
  timerMs,
  wholeNumber,
} from '@millrace/internal';
import type { HubBackplane } from './backplane/hub-backplane.js';
import type { HubLinkLimits } from './backplane/hub-link.js';
import { type ServerClock, systemServerClock } from './connection/clock.js';
import type { ConnectionLimits } from './connection/connection-limits.js';
import { invalidOption, type SignalRError } from './errors.js';
import type { SignalREventListener } from './events.js';
import type { CallLimits } from './hub/connection-calls.js';
import type { HubContext } from './hub/hub-context.js';
import { FILTERS_RULE, type HubFilter } from './hub/hub-filter.js';
import { checkedInstances, type InstanceOptions } from './instances/instances.js';

/**
 * Options of `createSignalRServer`. If ASP.NET Core has the same option, its name here is similar and its default is the same.
 * @beta
 */
export interface SignalRServerOptions {
  /** A client to which nothing else was sent for this time receives a ping. @defaultValue 15_000 */
  readonly keepAliveIntervalMs?: number;
  /**
   * A client that has sent at least one ping and then nothing for this time is disconnected. It may reconnect. Set this to at
   * least twice the client's own ping interval.
   * @defaultValue 30_000
   */
  readonly clientTimeoutMs?: number;
  /** Maximum time from the opening of the transport to the client's handshake request. @defaultValue 15_000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * A negotiated connection expires if the client opens no transport within this time. A long polling client counts as lost
   * if it does not poll for this long. A client with stateful reconnect counts as lost if it does not reconnect within this
   * time after its socket broke. @defaultValue 15_000
   */
  readonly disconnectTimeoutMs?: number;
  /**
   * The server answers a poll after this time, even if it has no message. Clients abandon a poll after 100 s. @defaultValue 90_000
   */
  readonly pollTimeoutMs?: number;
  /**
   * The server closes the connection of a client that accepts none of its waiting bytes for this long. The client may reconnect.
   * @defaultValue 10_000
   */
  readonly sendTimeoutMs?: number;
  /** Maximum time that a connection may spend closing. The server then aborts it. @defaultValue 5_000 */
  readonly closeTimeoutMs?: number;
  /**
   * Maximum number of invocations of one client that run at the same time. With 1, invocations run strictly in order.
   * @defaultValue 1
   */
  readonly maximumParallelInvocationsPerClient?: number;
  /**
   * Maximum number of items of an upload (a stream from the client) that wait for the hub method. The server then stops
   * reading from the client.
   * @defaultValue 10
   */
  readonly streamBufferCapacity?: number;
  /** Maximum number of open streams of one client, in each direction. Calls that need another stream fail. @defaultValue 1_000 */
  readonly maximumStreamsPerClient?: number;
  /**
   * Maximum number of sent bytes that a client with stateful reconnect has not acknowledged. Further messages wait in the
   * connection's outbound queue.
   * @defaultValue 100_000
   */
  readonly statefulReconnectBufferBytes?: number;
  /**
   * Maximum size of a client's message in bytes, including its framing. Applies to the handshake request, too. @defaultValue 32_768
   */
  readonly maximumReceiveMessageBytes?: number;
  /**
   * Maximum size of a client's WebSocket message in bytes. A WebSocket message may contain several hub messages, because the .NET
   * client joins messages that it sends at the same time. @defaultValue 1_048_576
   */
  readonly maximumTransportMessageBytes?: number;
  /**
   * Maximum number of received bytes that wait for a busy hub method. The server then stops reading from the client.
   * @defaultValue 65_536
   */
  readonly maximumInboundBufferBytes?: number;
  /**
   * Maximum number of bytes that wait for one client. Above it, the server closes the connection. The client may reconnect.
   * @defaultValue 1_048_576
   */
  readonly maximumOutboundBytes?: number;
  /**
   * Maximum number of messages that wait for one client. Above it, the server closes the connection. The client may
   * reconnect.
   * @defaultValue 8_192
   */
  readonly maximumOutboundMessages?: number;
  /**
   * Maximum number of negotiated connections of one hub that have no transport yet. Above it, negotiate requests are answered
   * with status 503. Not enforced with the option `instances`. @defaultValue 10_000
   */
  readonly maximumPendingConnections?: number;
  /**
   * Lowest negotiate version that the server accepts. 0 accepts all clients. 1 refuses clients before .NET Core 3.1.
   * @defaultValue 0
   */
  readonly minimumNegotiateVersion?: number;
  /** Allows several instances of the server behind one address, without sticky sessions. @defaultValue a single instance */
  readonly instances?: InstanceOptions;
  /**
   * Connects several instances of the server. Sends, group changes and calls that wait for a client's result then reach the
   * connections of all instances.
   * @defaultValue a single instance
   */
  readonly backplane?: HubBackplane;
  /**
   * Interval between two heartbeats of an instance on the backplane. The shortest effective interval is `tickIntervalMs`.
   * @defaultValue 1_000
   */
  readonly backplaneHeartbeatIntervalMs?: number;
  /**
   * Maximum time to wait for the other instances when this instance asks which of them has a connection.
   * @defaultValue 5_000
   */
  readonly backplaneAnswerTimeoutMs?: number;
  /**
   * Maximum number of published bytes that the backplane has not accepted yet. A message that would exceed it is not
   * published, and reaches only the clients of this process. @defaultValue 16_777_216
   */
  readonly maximumBackplaneBytes?: number;
  /** Sends the text of every error to the client. Never use it in production. @defaultValue false */
  readonly enableDetailedErrors?: boolean;
  /** Filters around every method, `onConnected` and `onDisconnected` of every hub. The first filter is the outermost. */
  readonly filters?: readonly HubFilter<HubContext<unknown, unknown, unknown>>[];
  /** Resolution of all timeouts above. @defaultValue 1_000 */
  readonly tickIntervalMs?: number;
  /** The clock of the server. Tests replace it. @defaultValue the system's clock */
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

/** The defaults of all numeric options. If ASP.NET Core has the same option, the default is the same. @beta */
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

/** The limits of a single hub. Each replaces the server option with the same name. @beta */
export type HubLimits = Partial<
  Pick<
    SignalRServerOptions,
    | 'keepAliveIntervalMs'
    | 'clientTimeoutMs'
    | 'handshakeTimeoutMs'
    | 'sendTimeoutMs'
    | 'closeTimeoutMs'
    | 'maximumReceiveMessageBytes'
    | 'maximumInboundBufferBytes'
    | 'maximumOutboundBytes'
    | 'maximumOutboundMessages'
    | 'enableDetailedErrors'
    | 'maximumParallelInvocationsPerClient'
    | 'streamBufferCapacity'
    | 'maximumStreamsPerClient'
  >
>;

/** The limits of the raw connections of one path. Each replaces the server option with the same name. @beta */
export type RawLimits = Pick<HubLimits, (typeof RAW_LIMIT_NAMES)[number]>;

const RAW_LIMIT_NAMES = [
  'keepAliveIntervalMs',
  'clientTimeoutMs',
  'sendTimeoutMs',
  'closeTimeoutMs',
  'maximumReceiveMessageBytes',
  'maximumInboundBufferBytes',
  'maximumOutboundBytes',
  'maximumOutboundMessages',
] as const satisfies readonly (keyof HubLimits)[];

/** A duration or an amount. A duration may exceed the longest delay of a timer, because the server's tick checks it. */
const count = wholeNumber();

const HUB_LIMIT_RULES: OptionRules<HubLimits> = {
  keepAliveIntervalMs: count,
  clientTimeoutMs: count,
  handshakeTimeoutMs: count,
  sendTimeoutMs: count,
  closeTimeoutMs: count,
  maximumReceiveMessageBytes: count,
  maximumInboundBufferBytes: count,
  maximumOutboundBytes: count,
  maximumOutboundMessages: count,
  enableDetailedErrors: flag,
  maximumParallelInvocationsPerClient: count,
  streamBufferCapacity: count,
  maximumStreamsPerClient: count,
};

const SERVER_RULES: OptionRules<SignalRServerOptions> = {
  ...HUB_LIMIT_RULES,
  disconnectTimeoutMs: timerMs(),
  pollTimeoutMs: timerMs(),
  statefulReconnectBufferBytes: count,
  maximumTransportMessageBytes: count,
  maximumPendingConnections: count,
  // Only the versions 0 and 1 exist, so a higher minimum would refuse every client.
  minimumNegotiateVersion: oneOf(0, 1),
  instances: objectWith([]),
  backplane: objectWith(['subscribe', 'publish']),
  backplaneHeartbeatIntervalMs: count,
  backplaneAnswerTimeoutMs: count,
  maximumBackplaneBytes: count,
  filters: FILTERS_RULE,
  tickIntervalMs: timerMs(),
  clock: objectWith(['monotonicMs', 'wallMs', 'every']),
  onEvent: callback,
};

/**
 * Returns the limits of one hub. A limit that the hub does not set comes from the server.
 * @throws SignalRError `invalid_option`
 */
export function limitsOfHub(
  server: Pick<ResolvedOptions, 'limits' | 'callLimits'>,
  hub: HubLimits = {},
): Pick<ResolvedOptions, 'limits' | 'callLimits'> {
  const refuse = (fault: string): SignalRError => invalidOption(`limits.${fault}`);
  const ofServer = Object.keys(hub).find((name) => name in SERVER_RULES && !(name in HUB_LIMIT_RULES));
  if (ofServer !== undefined) throw refuse(`${ofServer} is an option of the server, not a limit of a hub`);
  const given = checkOptions(hub, HUB_LIMIT_RULES, refuse, nearestName);
  return resolveLimits({ ...server.limits, ...server.callLimits, ...given });
}

/**
 * Returns the limits of the raw connections of one path. A limit that is not set comes from the server.
 * @throws SignalRError `invalid_option`
 */
export function limitsOfRaw(server: ResolvedOptions, raw: RawLimits = {}): ResolvedOptions['limits'] {
  const names: readonly string[] = RAW_LIMIT_NAMES;
  const ofHubs = Object.keys(raw).find((name) => name in HUB_LIMIT_RULES && !names.includes(name));
  if (ofHubs !== undefined)
    throw invalidOption(`limits.${ofHubs} is a limit of hubs and has no effect on raw connections`);
  return limitsOfHub(server, raw).limits;
}

function resolveLimits(options: HubLimits): Pick<ResolvedOptions, 'limits' | 'callLimits'> {
  const number = (name: NumberOption & keyof HubLimits): number => options[name] ?? DEFAULT_OPTIONS[name];
  return {
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
  };
}

/**
 * Checks the options and fills in the defaults.
 * @throws SignalRError `invalid_option`
 */
export function resolveOptions(given: SignalRServerOptions): ResolvedOptions {
  const options = checkOptions(given, SERVER_RULES, invalidOption, nearestName);
  const number = (name: NumberOption): number => options[name] ?? DEFAULT_OPTIONS[name];
  const backplaneLimits = Object.freeze({
    heartbeatIntervalMs: number('backplaneHeartbeatIntervalMs'),
    answerTimeoutMs: number('backplaneAnswerTimeoutMs'),
    maximumBytes: number('maximumBackplaneBytes'),
  });
  return Object.freeze({
    ...resolveLimits(options),
    filters: [...(options.filters ?? [])],
    disconnectTimeoutMs: number('disconnectTimeoutMs'),
    pollTimeoutMs: number('pollTimeoutMs'),
    statefulReconnectBufferBytes: number('statefulReconnectBufferBytes'),
    maximumTransportMessageBytes: number('maximumTransportMessageBytes'),
    maximumPendingConnections: number('maximumPendingConnections'),
    minimumNegotiateVersion: options.minimumNegotiateVersion ?? 0,
    instances: options.instances && checkedInstances(options.instances),
    backplane: options.backplane,
    backplaneLimits,
    tickIntervalMs: number('tickIntervalMs'),
    clock: options.clock ?? systemServerClock,
    onEvent: options.onEvent,
  });
}

/*
 * The matrix of tests. Each cell is one official client, transport, protocol and feature. The tests and the table in
 * packages/signalr/docs/compatibility.md are built from this list, in Node and in browsers.
 */

export const TRANSPORTS = ['WebSockets', 'ServerSentEvents', 'LongPolling'] as const;
const PROTOCOLS = ['json', 'messagepack'] as const;
const RUNTIMES = ['Node', 'Chromium'] as const;
/** Versions of `@microsoft/signalr` and `@microsoft/signalr-protocol-msgpack`: the newest version, and an older major version. */
export const VERSIONS = ['10.0.11', '8.0.17'] as const;

export type Transport = (typeof TRANSPORTS)[number];
export type Protocol = (typeof PROTOCOLS)[number];
export type RuntimeName = (typeof RUNTIMES)[number];
export type Version = (typeof VERSIONS)[number];

/** A transport and a protocol by which a client is connected. */
export interface Lane {
  readonly transport: Transport;
  readonly protocol: Protocol;
}

export const LANES: readonly Lane[] = TRANSPORTS.flatMap((transport) =>
  PROTOCOLS.map((protocol) => ({ transport, protocol })),
);

/** One test of the matrix. */
export interface Cell extends Lane {
  readonly runtime: RuntimeName;
  readonly version: Version;
  readonly feature: FeatureName;
}

interface FeatureEntry {
  /** The feature in words, as the continuation of "the client …". */
  readonly title: string;
  /** The transports that support the feature. Absent if all transports support it. */
  readonly transports?: readonly Transport[];
  readonly runtimes?: readonly RuntimeName[];
  /** The reason why some transports or runtimes do not support the feature. */
  readonly because?: string;
}

const webSocketsOnly = ['WebSockets'] as const;
const pinging = ['WebSockets', 'ServerSentEvents'] as const;

/** The features in the order of the table. */
export const FEATURES = {
  invoke: { title: 'invokes a method and gets its result' },
  values: { title: 'gets text, numbers, nesting and null back unchanged' },
  bytesAndDates: { title: 'exchanges bytes and dates as with .NET' },
  large: { title: 'exchanges a message of 1 MB' },
  hubError: { title: "is told a HubError's text, and that of no other error" },
  wrongCalls: { title: 'has only the call fail when method or arguments are wrong' },
  send: { title: 'sends without waiting for an answer' },
  order: { title: 'is called by the server, in order, while it invokes' },
  groups: { title: 'gets what is sent to its groups, until it leaves' },
  users: { title: 'gets what is sent to its user, and to others than the caller' },
  stream: { title: 'reads a stream to its end, and to its error' },
  cancel: { title: 'cancels a stream' },
  upload: { title: 'uploads a stream' },
  duplex: { title: 'uploads one stream while it reads another' },
  answer: { title: 'answers a call of the server, or says why not' },
  token: { title: 'is known by its token' },
  unauthorized: { title: 'is refused with 401 without a valid token' },
  redirect: { title: 'follows the server to another URL' },
  onlyTransport: { title: 'finds the only transport that is offered' },
  skipNegotiation: {
    title: 'connects without negotiation',
    transports: webSocketsOnly,
    because: 'which clients do with WebSockets only',
  },
  otherOrigin: {
    title: 'connects from a page of another origin, if that is allowed',
    runtimes: ['Chromium'],
    because: 'which only browsers have',
  },
  cut: { title: 'reconnects by itself after a cut' },
  stateful: {
    title: 'loses and doubles nothing over cuts with stateful reconnect',
    transports: webSocketsOnly,
    because: 'which is for WebSockets only',
  },
  sentAway: { title: 'comes back when it is closed and may reconnect' },
  aborted: { title: 'stays away when it is closed for good' },
  stop: { title: 'stops in an orderly way' },
  pinged: {
    title: 'is pinged by a server that has nothing to say',
    transports: pinging,
    because: 'long polling has no pings',
  },
  silentClient: {
    title: 'is closed when it falls silent',
    transports: pinging,
    because: 'long polling has no pings',
  },
  silentServer: {
    title: 'gives up a server that falls silent',
    transports: pinging,
    because: 'long polling has no pings',
  },
  binaryOverText: { title: 'refuses MessagePack over server-sent events, which are text' },
} as const satisfies Record<string, FeatureEntry>;

export type FeatureName = keyof typeof FEATURES;

const featureNames = Object.keys(FEATURES) as readonly FeatureName[]; // The cast is safe: all keys are names of features.

const isBinaryOverText = ({ transport, protocol }: Lane): boolean =>
  transport === 'ServerSentEvents' && protocol === 'messagepack';

/** True when the matrix tests the feature with this transport and protocol in this runtime. */
function applies(feature: FeatureName, lane: Lane, runtime: RuntimeName): boolean {
  if (isBinaryOverText(lane)) return feature === 'binaryOverText';
  const { transports = TRANSPORTS, runtimes = RUNTIMES }: FeatureEntry = FEATURES[feature];
  return feature !== 'binaryOverText' && transports.includes(lane.transport) && runtimes.includes(runtime);
}

/** Returns every cell of a runtime, in the order of versions, transports with protocols, and features. */
export function cellsOf(runtime: RuntimeName): readonly Cell[] {
  return VERSIONS.flatMap((version) =>
    LANES.flatMap((lane) =>
      featureNames
        .filter((feature) => applies(feature, lane, runtime))
        .map((feature) => ({ ...lane, runtime, version, feature })),
    ),
  );
}

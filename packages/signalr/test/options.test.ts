// Every option of the package is checked at creation.
import {
  callbacks,
  describeOptions,
  flags,
  type OptionTable,
  objects,
  texts,
  timers,
  wholeNumbers,
} from '@millrace/testkit';
import { expect, test } from 'vitest';
import { createMemoryBackplane } from '../src/backplane.js';
import { systemServerClock } from '../src/connection/clock.js';
import { type SignalRPluginOptions, signalrPlugin } from '../src/fastify.js';
import {
  type ClientLimitOptions,
  createMemoryDirectory,
  createSignalRServer,
  defineHub,
  type HubLimits,
  type InstanceOptions,
  isString,
  type MapHubOptions,
  method,
  parseArguments,
  type SignalRServerOptions,
  streamMethod,
} from '../src/index.js';
import {
  createRedisBackplane,
  createRedisDirectory,
  type RedisBackplaneOptions,
  type RedisDirectoryOptions,
} from '../src/redis.js';

const code = 'invalid_option';
const count = wholeNumbers();

const limits: OptionTable<HubLimits> = {
  keepAliveIntervalMs: count,
  clientTimeoutMs: count,
  handshakeTimeoutMs: count,
  sendTimeoutMs: count,
  closeTimeoutMs: count,
  maximumReceiveMessageBytes: count,
  maximumInboundBufferBytes: count,
  maximumOutboundBytes: count,
  maximumOutboundMessages: count,
  enableDetailedErrors: flags,
  maximumParallelInvocationsPerClient: count,
  streamBufferCapacity: count,
  maximumStreamsPerClient: count,
};

const instances: InstanceOptions = {
  url: 'http://127.0.0.1:1',
  signingKeys: ['x'.repeat(32)],
  directory: createMemoryDirectory(),
};
const filters = {
  right: [[], [{}], [{ invoke: () => undefined }]],
  wrong: [null, {}, 'f', [1], [null], [{ invoke: 1 }], [{ connected: 'x' }]],
};

describeOptions<SignalRServerOptions>('createSignalRServer', {
  create: (options) => createSignalRServer(options),
  table: {
    ...limits,
    disconnectTimeoutMs: timers(),
    pollTimeoutMs: timers(),
    statefulReconnectBufferBytes: count,
    maximumTransportMessageBytes: count,
    maximumPendingConnections: count,
    minimumNegotiateVersion: { right: [0, 1], wrong: [2, -1, 0.5, Number.NaN, '1', null, true] },
    instances: objects([instances]),
    backplane: objects([createMemoryBackplane()], [{}, { publish: () => undefined }]),
    backplaneHeartbeatIntervalMs: count,
    backplaneAnswerTimeoutMs: count,
    maximumBackplaneBytes: count,
    filters,
    tickIntervalMs: timers(),
    clock: objects([systemServerClock], [{}, { every: () => undefined }]),
    onEvent: callbacks,
  },
  code,
});

describeOptions<InstanceOptions>('instances', {
  create: (options) => createSignalRServer({ instances: options }),
  table: {
    url: {
      ...texts(
        ['http://x', 'https://10.0.0.7:8080/'],
        ['', 'here', 'ftp://x', 'http://x/hub', 'http://x?a=1', 'http://a:b@x'],
      ),
      isRequired: true,
    },
    signingKeys: {
      right: [['x'.repeat(32)], [new Uint8Array(32), 'y'.repeat(33)]],
      wrong: [null, [], ['short'], ['x'.repeat(32), 'short'], 'x'.repeat(32), [32], [null], {}],
      isRequired: true,
      isSecret: true,
    },
    directory: { ...objects([createMemoryDirectory()], [{}, { claim: () => undefined }]), isRequired: true },
  },
  code,
  path: 'instances.',
});

const hub = defineHub()({ methods: {} });
const map = (options: object): unknown => createSignalRServer().mapHub('/hub', hub, options);

describeOptions<MapHubOptions<undefined>>('mapHub', {
  create: map,
  table: {
    allowedOrigins: {
      right: ['*', [], ['https://app.example'], () => true],
      wrong: [null, 'https://app.example', '', {}, [1], 1, true, Number.NaN],
    },
    transports: {
      right: [[], ['LongPolling'], ['WebSockets', 'ServerSentEvents', 'LongPolling']],
      wrong: [null, ['websockets'], 'WebSockets', {}, 1, [1]],
    },
    allowStatefulReconnects: flags,
    closeOnAuthenticationExpiration: flags,
    enableAuthenticationRefresh: flags,
    bigint: flags,
    limits: objects([{}, { clientTimeoutMs: 1 }], [{ clientTimeoutMs: 0 }, { pollTimeoutMs: 1 }]),
    onNegotiate: callbacks,
    clientLimits: objects([{}, { messageBurst: 1 }], [{ messageBurst: 0 }, { maximumRooms: 1 }]),
    redirectNegotiate: callbacks,
    authenticate: callbacks,
  },
  code,
});

describeOptions<ClientLimitOptions<undefined>>('mapHub, clientLimits', {
  create: (options) => map({ clientLimits: options }),
  table: {
    ownerOf: callbacks,
    messagesPerSecond: count,
    messageBurst: count,
    maximumConnections: count,
    maximumPendingConnections: count,
  },
  code,
  path: 'clientLimits.',
});

describeOptions<HubLimits>('mapHub, limits', {
  create: (options) => map({ limits: options }),
  table: limits,
  code,
  path: 'limits.',
});

type Handlers = Parameters<ReturnType<typeof defineHub<unknown>>>[0];

describeOptions<Handlers>('defineHub', {
  create: (handlers) => defineHub<unknown>()(handlers),
  table: {
    methods: {
      ...objects(
        [{}, { a: () => 1, b: method(parseArguments(), () => 2) }],
        [{ a: 1 }, { a: {} }, { a: undefined }],
      ),
      isRequired: true,
    },
    onConnected: callbacks,
    onDisconnected: callbacks,
    onAuthenticationRefreshed: callbacks,
    onBackpressure: callbacks,
    filters,
    createItems: callbacks,
  },
  code,
});

describeOptions<{ uploads?: unknown; authorize?: unknown }>('method and streamMethod', {
  create: (options) => {
    method(parseArguments(), () => 1, options as object);
    return streamMethod(parseArguments(), () => [], options as object);
  },
  table: {
    uploads: { right: [[], [isString]], wrong: [null, isString, {}, [1], ['string'], 1] },
    authorize: callbacks,
  },
  code,
});

const redis = { get: async () => null, eval: async () => 1, publish: async () => 1 };
const subscriber = { subscribe: async () => undefined, unsubscribe: async () => undefined };

describeOptions<RedisBackplaneOptions>('createRedisBackplane', {
  create: (options) => createRedisBackplane(options),
  table: {
    client: { ...objects([redis]), isRequired: true },
    subscriber: { ...objects([subscriber]), isRequired: true },
    channelPrefix: texts(['', 'a:'], []),
    commandTimeoutMs: timers(),
  },
  code,
});

describeOptions<RedisDirectoryOptions>('createRedisDirectory', {
  create: (options) => void createRedisDirectory(options).close(),
  table: {
    client: { ...objects([redis]), isRequired: true },
    keyPrefix: texts(['', 'a:'], []),
    claimTtlMs: timers(3),
    commandTimeoutMs: timers(),
  },
  code,
});

const durations = {
  right: [0, 1, 2.5, Number.POSITIVE_INFINITY],
  wrong: [-1, -0.1, Number.NaN, '10', '', null, true, {}, []],
};

describeOptions<{ withinMs?: number }>('close', {
  create: (options) => void createSignalRServer().close(options),
  table: { withinMs: durations },
  code,
});

describeOptions<{ withinMs?: number; after?: Promise<unknown> }>('drain', {
  create: (options) => void createSignalRServer().drain(options),
  table: { withinMs: durations, after: objects([Promise.resolve()]) },
  code,
});

test('the Fastify plugin refuses wrong options when it is registered', async () => {
  const attachable = { server: { on: () => undefined }, addHook: () => undefined };
  const register = (options: object) => signalrPlugin(attachable as never, options as SignalRPluginOptions);
  for (const [options, fault] of [
    [{}, 'server must'],
    [{ server: {} }, 'server must'],
    [{ server: createSignalRServer(), closeWithinMs: '5' }, 'closeWithinMs must'],
    [{ server: createSignalRServer(), closeWithin: 5 }, 'did you mean closeWithinMs?'],
  ] as const)
    await expect(register(options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(fault) as string,
    });
});

// The sides that run on Node: the floor, Socket.IO, HTTP bridges, and Millrace as built here and as built from an earlier commit.
import { type Part, startGateway, startScript } from '../harness/processes.js';
import { hashOf, type Side, type SideName, type SideSetup, type System } from './side.js';

const floorFiles = ['src/floor/gateway.ts', 'src/floor/room-server.ts', 'src/floor/text-frame.ts'];
const publisherFile = 'src/floor/publisher.ts';
const socketIoFiles = ['io-server', 'server', 'publisher'].map((name) => `src/peers/socket-io/${name}.ts`);
const bridgeFiles = [
  'src/peers/http-bridge/server.ts',
  'src/peers/http-bridge/publisher.ts',
  ...floorFiles.slice(1),
];

/** Starts a script once for each gateway. */
async function startScripts(setup: SideSetup, script: string, args: readonly string[]) {
  const gateways = Array.from({ length: setup.gateways }, () => setup.own(startScript(script, args)));
  const urls: string[] = [];
  for (const gateway of gateways) urls.push((await gateway.message<{ url: string }>()).url);
  return { gateways, urls };
}

/** Starts a publisher process and waits until it is ready for orders. */
async function startPublisher(setup: SideSetup, script: string, args: readonly string[]): Promise<Part> {
  const publisher = setup.own(startScript(script, args));
  await publisher.message();
  return publisher;
}

/** Starts the publisher that uses plain XADD. All sides that read the stream use this publisher. */
export function startPlainPublisher(setup: SideSetup): Promise<Part> {
  return startPublisher(setup, 'floor/publisher.js', [setup.redisUrl, setup.mix]);
}

const floor: Side = {
  name: 'floor',
  label: 'floor (ioredis, XADD → XREAD → frame)',
  hash: hashOf([...floorFiles, publisherFile]),
  async start(setup): Promise<System> {
    const [servers, publisher] = await Promise.all([
      startScripts(setup, 'floor/gateway.js', [setup.redisUrl]),
      startPlainPublisher(setup),
    ]);
    return { ...servers, dialect: 'signalr', publisher };
  },
};

const socketIo: Side = {
  name: 'socket-io',
  label: 'Socket.IO 4.8, Redis Streams adapter',
  hash: hashOf(socketIoFiles),
  async start(setup): Promise<System> {
    const [servers, publisher] = await Promise.all([
      startScripts(setup, 'peers/socket-io/server.js', [setup.redisUrl]),
      startPublisher(setup, 'peers/socket-io/publisher.js', [setup.redisUrl, setup.mix]),
    ]);
    return { ...servers, dialect: 'socket.io', publisher };
  },
};

/** Returns a side that is an HTTP bridge. It always has one gateway, because a second one would not get the events. */
function httpBridge(name: SideName, label: string, hasRedis: boolean): Side {
  return {
    name,
    label,
    hash: hashOf(bridgeFiles),
    async start(setup): Promise<System> {
      const args = hasRedis ? [setup.redisUrl] : [];
      const { gateways, urls } = await startScripts(
        { ...setup, gateways: 1 },
        'peers/http-bridge/server.js',
        args,
      );
      const publisher = await startPublisher(setup, 'peers/http-bridge/publisher.js', [
        urls[0] ?? '',
        '/events',
      ]);
      return { gateways, urls, dialect: 'signalr', publisher };
    },
  };
}

/** The gateway and the publisher of a build of Millrace. */
export interface MillraceBuild {
  readonly name: string;
  readonly cli?: string;
  /** The entry file of `@millrace/publisher`. */
  readonly publisher?: string;
}

async function startGateways(setup: SideSetup, cli?: string) {
  const gateways: Part[] = [];
  const urls: string[] = [];
  for (let number = 0; number < setup.gateways; number += 1) {
    const { part, url } = await startGateway(setup.redisUrl, { cli });
    gateways.push(setup.own(part));
    urls.push(url);
  }
  return { gateways, urls };
}

/**
 * Returns a side that is a build of Millrace with default options. The suffix of `name` selects how events are published: by
 * plain XADD or by HTTP. Without a suffix, the library publishes. With the suffix `-sse`, the
 * clients read server-sent events.
 */
function millrace(name: SideName, label: string, build: MillraceBuild): Side {
  return {
    name,
    label,
    hash: build.name,
    async start(setup): Promise<System> {
      const starting = startGateways(setup, build.cli);
      const start = async (): Promise<Part> => {
        if (name.endsWith('-xadd')) return startPlainPublisher(setup);
        if (name.endsWith('-http')) {
          const { urls } = await starting;
          return startPublisher(setup, 'peers/http-bridge/publisher.js', [urls[0] ?? '', '/v1/events']);
        }
        const entry = build.publisher === undefined ? [] : [build.publisher];
        return startPublisher(setup, 'millrace/publisher.js', [setup.redisUrl, setup.mix, ...entry]);
      };
      const [{ gateways, urls }, publisher] = await Promise.all([starting, start()]);
      const replaceGateway = async (number: number): Promise<void> => {
        const old = gateways[number];
        old?.child.kill('SIGTERM');
        await old?.end();
        const { port } = new URL(urls[number] ?? '');
        const { part } = await startGateway(setup.redisUrl, { cli: build.cli, port });
        gateways[number] = setup.own(part);
      };
      const dialect = name.endsWith('-sse') ? 'event-source' : 'signalr';
      return { gateways, urls, dialect, publisher, replaceGateway };
    },
  };
}

/** The present build, published to by the library, with readers of server-sent events instead of SignalR clients. */
export function millraceStreams(build: MillraceBuild): Side {
  return millrace('millrace-sse', 'Millrace, library, read by server-sent events', build);
}

/** Returns three sides of one build of Millrace, one for each way to publish events. */
export function millraceSides(when: 'millrace' | 'before', build: MillraceBuild): readonly Side[] {
  const label = when === 'millrace' ? 'Millrace' : `Millrace before (${build.name})`;
  return [
    millrace(when, `${label}, library`, build),
    millrace(`${when}-xadd`, `${label}, plain XADD`, build),
    millrace(`${when}-http`, `${label}, HTTP`, build),
  ];
}

/** The sides on Node other than Millrace. */
export const nodePeers: readonly Side[] = [
  floor,
  socketIo,
  httpBridge('http-bridge', 'HTTP bridge, without Redis', false),
  httpBridge('http-bridge-xadd', 'HTTP bridge, answers after XADD', true),
];

// A side of a comparison: a way from publisher to client that can be started, as processes of their own.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Part } from '../harness/processes.js';
import type { Mix } from '../traffic/events.js';

/** Sides by name. */
export type SideName =
  | 'floor'
  | 'socket-io'
  | 'aspnet-stream'
  | 'aspnet-backplane'
  | 'http-bridge'
  | 'http-bridge-xadd'
  | 'millrace'
  | 'millrace-xadd'
  | 'millrace-http'
  | 'before'
  | 'before-xadd'
  | 'before-http';

/** A side that runs. The caller of `start` ends its processes. */
export interface System {
  readonly urls: readonly string[];
  readonly dialect: 'signalr' | 'socket.io';
  readonly gateways: readonly Part[];
  readonly publisher: Part;
  /** Ends a gateway as a deploy does and starts another one at its address; where the side knows how. */
  replaceGateway?(number: number): Promise<void>;
}

/** Everything a side needs to start. `own` takes over each process at its start, so that it is ended even when a later one fails. */
export interface SideSetup {
  readonly redisUrl: string;
  readonly gateways: number;
  /** Kind of the events that are published. */
  readonly mix: Mix;
  own(part: Part): Part;
}

/** One side. */
export interface Side {
  readonly name: SideName;
  readonly label: string;
  /** Hash of its files, or the commit of its build: figures of two runs are comparable when it is the same. */
  readonly hash: string;
  start(setup: SideSetup): Promise<System>;
}

/** Files of the generator, which is the same for all sides. */
const trafficFiles = ['chat-payload', 'events', 'metronome', 'publisher'].map(
  (name) => `src/traffic/${name}.ts`,
);

/** A short hash of a side's files in `bench/`, by their paths in there, and of the traffic that all sides get. */
export function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of [...paths, ...trafficFiles])
    hash.update(readFileSync(new URL(path, new URL('../../', import.meta.url))));
  return hash.digest('hex').slice(0, 8);
}

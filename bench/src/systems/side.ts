// A side of a comparison: a system between publisher and client that can be started in separate processes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Part } from '../harness/processes.js';
import type { Mix } from '../traffic/events.js';

/** The names of the sides. */
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
  | 'millrace-sse'
  | 'before'
  | 'before-xadd'
  | 'before-http';

/** A running side. The caller of {@link Side.start} ends its processes. */
export interface System {
  readonly urls: readonly string[];
  readonly dialect: 'signalr' | 'socket.io' | 'event-source';
  readonly gateways: readonly Part[];
  readonly publisher: Part;
  /**
   * Ends gateway `number` as a deployment does, and starts another one at the same address. Absent if the side does not support it.
   */
  replaceGateway?(number: number): Promise<void>;
}

/**
 * Everything that a side needs to start. `own` is called with each process at its start, so that the process is ended if a
 * later start fails.
 */
export interface SideSetup {
  readonly redisUrl: string;
  readonly gateways: number;
  /** The kind of events that are published. */
  readonly mix: Mix;
  own(part: Part): Part;
}

/** A side of a comparison, which can be started. */
export interface Side {
  readonly name: SideName;
  readonly label: string;
  /** Hash of the side's files, or the commit of its build. Figures of two runs are comparable if they have the same hash. */
  readonly hash: string;
  start(setup: SideSetup): Promise<System>;
}

/** Files of the load generator, which is the same for all sides. */
const trafficFiles = ['chat-payload', 'events', 'metronome', 'publisher'].map(
  (name) => `src/traffic/${name}.ts`,
);

/** Returns a short hash of a side's files (paths relative to `bench/`) and of the load generator. */
export function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of [...paths, ...trafficFiles])
    hash.update(readFileSync(new URL(path, new URL('../../', import.meta.url))));
  return hash.digest('hex').slice(0, 8);
}

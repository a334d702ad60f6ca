// A side of a comparison: a way from publisher to client that can be started, as processes of their own.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Part } from '../harness/processes.js';

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

/** What runs. Whoever started it ends the processes. */
export interface System {
  readonly urls: readonly string[];
  readonly dialect: 'signalr' | 'socket.io';
  readonly gateways: readonly Part[];
  readonly publisher: Part;
}

/** Where a side starts. `own` takes each process at its start, so that it is ended even when a later one fails. */
export interface Place {
  readonly redisUrl: string;
  readonly gateways: number;
  own(part: Part): Part;
}

/** One side. */
export interface Side {
  readonly name: SideName;
  readonly label: string;
  /** Hash of its files, or the commit of its build: figures of two runs are comparable when it is the same. */
  readonly hash: string;
  start(place: Place): Promise<System>;
}

/** A short hash of files of `bench/`, by their paths in there. */
export function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(new URL(path, new URL('../../', import.meta.url))));
  return hash.digest('hex').slice(0, 8);
}

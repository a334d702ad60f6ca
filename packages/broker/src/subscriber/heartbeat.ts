// The loop that reports the subscriber's cursors, and learns whether they are still valid.
import { backOffDelayMs, pause } from '@millrace/internal';
import { isRefusal, toBrokerError } from '../errors.js';
import type { Broker } from '../port/broker.js';
import type { HeartbeatReply } from '../port/subscriber-registry.js';
import type { BrokerClock } from './broker-clock.js';
import { newestIdTrouble, type StreamHealth } from './stream-health.js';
import type { StreamTrack } from './stream-track.js';
import type { LoopReport, ResolvedSubscriberOptions } from './subscriber-options.js';

/** Dependencies of the heartbeat. */
export interface HeartbeatDependencies {
  readonly broker: Broker;
  readonly options: ResolvedSubscriberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly brokerClock: BrokerClock;
  readonly report: LoopReport;
  readonly health: StreamHealth;
  readonly isRegistered: (stream: string) => boolean;
  /**
   * Called for the reply of each stream, in the turn of the event loop in which the reply arrived.
   * `askedAtMs` is the local monotonic time at which the heartbeat was sent.
   */
  readonly onReply: (track: StreamTrack, reply: HeartbeatReply, askedAtMs: number) => void;
}

/** Sends a heartbeat every `heartbeatMs` until `signal` fires. Backs off after failures. */
export async function runHeartbeat(dependencies: HeartbeatDependencies, signal: AbortSignal): Promise<void> {
  const { broker, options, report } = dependencies;
  let failures = 0;
  while (!signal.aborted) {
    let delayMs = broker.options.heartbeatMs;
    try {
      await beatOnce(dependencies);
      failures = 0;
      report.onSuccess();
    } catch (error) {
      if (signal.aborted) return;
      delayMs = Math.max(delayMs, backOffDelayMs(failures++));
      report.onFailure(toBrokerError(error, 'unavailable'));
    }
    await pause(options.clock, delayMs, signal);
  }
}

/**
 * Sends one heartbeat for all streams. If the broker refuses it, sends a separate one for each stream, so that a refused
 * stream does not stop the others. A refused stream gets separate heartbeats until one is accepted.
 */
export async function beatOnce(dependencies: HeartbeatDependencies): Promise<void> {
  const { tracks, health, isRegistered } = dependencies;
  const streams = [...tracks.keys()].filter(isRegistered);
  const refused = streams.filter((stream) => health.isRefused(stream, ['heartbeat']));
  const together = streams.filter((stream) => !refused.includes(stream));
  try {
    await beatFor(dependencies, together);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    refused.push(...together);
  }
  for (const stream of refused) await beatAlone(dependencies, stream);
}

async function beatAlone(dependencies: HeartbeatDependencies, stream: string): Promise<void> {
  try {
    await beatFor(dependencies, [stream]);
    dependencies.health.note(stream, 'heartbeat', undefined);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    dependencies.health.refuse(stream, 'heartbeat', error);
  }
}

async function beatFor(dependencies: HeartbeatDependencies, streams: readonly string[]): Promise<void> {
  const { broker, options, tracks, brokerClock, health, onReply } = dependencies;
  if (streams.length === 0) return;
  const asked = streams.flatMap((stream) => tracks.get(stream) ?? []);
  const progress = new Map(asked.map((track) => [track.stream, track.progress] as const));
  const sentMs = options.clock.monotonicMs();
  const replies = await broker.heartbeat(options.name, progress);
  const receivedMs = options.clock.monotonicMs();
  for (const reply of replies) {
    // Another server may have a clock with a very different time.
    if (reply.status === 'moved' || reply.status === 'reset') brokerClock.reset();
    brokerClock.learn(sentMs, receivedMs, reply.timeMs);
    health.note(reply.stream, 'newest_id', newestIdTrouble(reply));
    const track = tracks.get(reply.stream);
    if (track !== undefined) onReply(track, reply, sentMs);
  }
}

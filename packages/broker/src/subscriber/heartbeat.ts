// The loop that reports the member's cursors and hears whether they still count.
import { backOffDelayMs, pause } from '@millrace/internal';
import { isRefusal, toBrokerError } from '../errors.js';
import type { Broker, HeartbeatReply } from '../port/broker.js';
import type { BrokerClock } from './broker-clock.js';
import { newestIdTrouble, type StreamHealth } from './stream-health.js';
import type { StreamTrack } from './stream-track.js';
import type { LoopReport, ResolvedMemberOptions } from './subscriber-options.js';

/** What the heartbeat works on. */
export interface HeartbeatContext {
  readonly broker: Broker;
  readonly options: ResolvedMemberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly brokerClock: BrokerClock;
  readonly report: LoopReport;
  readonly health: StreamHealth;
  readonly isRegistered: (stream: string) => boolean;
  /** Called for each stream's reply, in the turn in which it came; `askedAtMs`: when it was asked, in local monotonic time. */
  readonly onReply: (track: StreamTrack, reply: HeartbeatReply, askedAtMs: number) => void;
}

/** Beats every `heartbeatMs` until `signal` fires; after failures less often. */
export async function runHeartbeat(context: HeartbeatContext, signal: AbortSignal): Promise<void> {
  const { broker, options, report } = context;
  let failures = 0;
  while (!signal.aborted) {
    let delayMs = broker.options.heartbeatMs;
    try {
      await beatOnce(context);
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
 * One heartbeat for all streams. What the broker refuses is asked for stream by stream, so that one that it refuses does
 * not stop the others; such a stream counts by itself until it works again.
 */
export async function beatOnce(context: HeartbeatContext): Promise<void> {
  const { tracks, health, isRegistered } = context;
  const streams = [...tracks.keys()].filter(isRegistered);
  const refused = streams.filter((stream) => health.isRefused(stream, ['heartbeat']));
  const together = streams.filter((stream) => !refused.includes(stream));
  try {
    await beatFor(context, together);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    refused.push(...together);
  }
  for (const stream of refused) await beatAlone(context, stream);
}

async function beatAlone(context: HeartbeatContext, stream: string): Promise<void> {
  try {
    await beatFor(context, [stream]);
    context.health.note(stream, 'heartbeat', undefined);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    context.health.refuse(stream, 'heartbeat', error);
  }
}

async function beatFor(context: HeartbeatContext, streams: readonly string[]): Promise<void> {
  const { broker, options, tracks, brokerClock, health, onReply } = context;
  if (streams.length === 0) return;
  const asked = streams.flatMap((stream) => tracks.get(stream) ?? []);
  const places = new Map(asked.map((track) => [track.stream, track.place] as const));
  const sentMs = options.clock.monotonicMs();
  const replies = await broker.heartbeat(options.name, places);
  const receivedMs = options.clock.monotonicMs();
  for (const reply of replies) {
    brokerClock.learn(sentMs, receivedMs, reply.timeMs);
    health.note(reply.stream, 'newest_id', newestIdTrouble(reply));
    const track = tracks.get(reply.stream);
    if (track !== undefined) onReply(track, reply, sentMs);
  }
}

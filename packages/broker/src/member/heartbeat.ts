// The loop that reports the member's cursors and hears whether they still count.
import { backOffDelayMs } from '../back-off.js';
import type { Broker, HeartbeatReply } from '../broker.js';
import { pause } from '../clock.js';
import { toBrokerError } from '../errors.js';
import type { BrokerClock } from './broker-clock.js';
import type { LoopReport, ResolvedMemberOptions } from './member-options.js';
import type { StreamTrack } from './stream-track.js';

/** What the heartbeat works on. */
export interface HeartbeatContext {
  readonly broker: Broker;
  readonly options: ResolvedMemberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly brokerClock: BrokerClock;
  readonly report: LoopReport;
  /** Called for each stream's reply, in the turn in which it came. */
  readonly onReply: (track: StreamTrack, reply: HeartbeatReply) => void;
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

/** One heartbeat for all streams. */
export async function beatOnce(context: HeartbeatContext): Promise<void> {
  const { broker, options, tracks, brokerClock, onReply } = context;
  const places = new Map(Array.from(tracks, ([stream, track]) => [stream, track.place] as const));
  const sentMs = options.clock.monotonicMs();
  const replies = await broker.heartbeat(options.name, places);
  const receivedMs = options.clock.monotonicMs();
  for (const reply of replies) {
    brokerClock.learn(sentMs, receivedMs, reply.timeMs);
    const track = tracks.get(reply.stream);
    if (track !== undefined) onReply(track, reply);
  }
}

// Finds the streams whose names begin with a prefix, without delaying other commands of Redis.
import { type Clock, pause } from '@millrace/internal';
import { asArray, asText } from '../calls/replies.js';
import type { CommandRouter } from '../routing/command-router.js';

/** Number of keys that one step of a search looks at. A step takes Redis about 0.3 ms. */
const KEYS_PER_STEP = 1_000;
/** Pause between two steps, so that other commands are not delayed, in milliseconds. */
const STEP_PAUSE_MS = 1;

/** A search for streams by the beginning of their names. */
export interface StreamScan {
  readonly prefix: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called for each stream, perhaps twice. */
  note(stream: string): void;
}

/** Searches all keys of all masters once, in steps with pauses. Ends early when the signal fires. */
export async function scanStreams(router: Pick<CommandRouter, 'servers'>, scan: StreamScan): Promise<void> {
  for (const send of router.servers()) await scanServer(send, scan);
}

async function scanServer(
  send: (args: readonly string[]) => Promise<unknown>,
  { prefix, clock, signal, note }: StreamScan,
): Promise<void> {
  const match = `${prefix}*`;
  for (let cursor = '0'; !signal.aborted; ) {
    const step = ['SCAN', cursor, 'MATCH', match, 'COUNT', String(KEYS_PER_STEP), 'TYPE', 'stream'];
    const [next, keys] = asArray(await send(step));
    for (const key of asArray(keys)) note(asText(key));
    cursor = asText(next);
    if (cursor === '0') return;
    await pause(clock, STEP_PAUSE_MS, signal);
  }
}

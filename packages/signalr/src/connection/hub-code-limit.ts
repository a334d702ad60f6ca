/*
 * Limits how long the end of a connection waits for the hub's code. A hook or a method that never ends, for example because another
 * system does not answer it, would otherwise keep the connection in its groups and among the connections of its user for ever.
 */
import type { HubConnection } from './hub-connection.js';
import type { Ticker, TickListener } from './ticker.js';

/** Maximum time for which each part of the hub's code may run after its connection has begun to end. */
const MAX_HUB_CODE_MS = 30_000;

/**
 * Waits for a part of the hub's code. Resolves with false if the connection ends and the code still runs after {@link MAX_HUB_CODE_MS}.
 * Rejects with the error of the code.
 */
export function endsInTime(
  code: Promise<void>,
  connection: Pick<HubConnection, 'state'>,
  ticker: Pick<Ticker, 'add' | 'remove'>,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let endingSinceMs: number | undefined;
    const watch: TickListener = {
      onTick(nowMs) {
        if (connection.state !== 'closing' && connection.state !== 'closed') return;
        endingSinceMs ??= nowMs;
        if (nowMs - endingSinceMs < MAX_HUB_CODE_MS) return;
        ticker.remove(watch);
        resolve(false);
      },
    };
    ticker.add(watch);
    code.finally(() => ticker.remove(watch)).then(() => resolve(true), reject);
  });
}

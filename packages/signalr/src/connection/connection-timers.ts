/*
 * Checks the deadlines of one connection once per tick of the shared ticker, and returns the action that is due. Between two
 * ticks, events only set flags, so that no message has to read the clock.
 */
import type { ConnectionLimits } from './connection-limits.js';

/** The action that is due at a tick. */
export type DueAction =
  | 'nothing'
  | 'ping'
  | 'handshake_timeout'
  | 'client_timeout'
  | 'send_timeout'
  | 'close_timeout';

/** The part of the outbound state that the timers need. */
export interface OutboundProgress {
  /**
   * False while the transport has nothing to write to. The transport then measures how long the client is away, and this
   * class checks only the handshake deadline.
   */
  readonly isAttached: boolean;
  readonly isBlocked: boolean;
  readonly progress: number;
}

/** Tolerance for a tick that comes a little early. Without it, a ping that is due at this tick would wait for the next one. */
const TIMER_JITTER_MS = 50;

/** Keeps the times of one connection. All times are in milliseconds of the ticker's clock. */
export class ConnectionTimers {
  readonly #limits: ConnectionLimits;
  /** The time of the tick that first saw the present state. */
  #stateSinceMs: number;
  #lastTickMs: number;
  /** The time of the last tick before the last send. A ping that is timed from it may be one tick early, but never late. */
  #lastSentMs: number;
  #lastReceivedMs: number;
  #blockedSinceMs: number;
  #seenProgress = 0;
  #hasSent = false;
  #hasReceived = false;
  #hasChangedState = false;
  #isExpectingPings = false;
  #isDispatching = false;

  constructor(limits: ConnectionLimits, nowMs: number) {
    this.#limits = limits;
    this.#stateSinceMs = nowMs;
    this.#lastTickMs = nowMs;
    this.#lastSentMs = nowMs;
    this.#lastReceivedMs = nowMs;
    this.#blockedSinceMs = nowMs;
  }

  sent(): void {
    this.#hasSent = true;
  }

  received(): void {
    this.#hasReceived = true;
  }

  stateChanged(): void {
    this.#hasChangedState = true;
  }

  expectPings(): void {
    this.#isExpectingPings = true;
    this.#hasReceived = true;
  }

  setDispatching(isDispatching: boolean): void {
    this.#isDispatching = isDispatching;
    this.#hasReceived = true;
  }

  tick(nowMs: number, state: string, outbound: OutboundProgress): DueAction {
    this.#takeFlags(nowMs, outbound);
    if (!outbound.isAttached && state !== 'handshaking') {
      this.#lastReceivedMs = nowMs;
      this.#blockedSinceMs = nowMs;
      this.#stateSinceMs = nowMs;
      return 'nothing';
    }
    switch (state) {
      case 'handshaking':
        return nowMs - this.#stateSinceMs >= this.#limits.handshakeTimeoutMs
          ? 'handshake_timeout'
          : 'nothing';
      case 'open':
        return this.#tickOpen(nowMs, outbound);
      case 'closing':
        return nowMs - this.#stateSinceMs >= this.#limits.closeTimeoutMs ? 'close_timeout' : 'nothing';
      default:
        return 'nothing';
    }
  }

  #tickOpen(nowMs: number, outbound: OutboundProgress): DueAction {
    if (nowMs - this.#blockedSinceMs >= this.#limits.sendTimeoutMs) return 'send_timeout';
    const isSilent = nowMs - this.#lastReceivedMs >= this.#limits.clientTimeoutMs;
    if (this.#isExpectingPings && !this.#isDispatching && isSilent) return 'client_timeout';
    // While other data waits, a ping would wait behind that data and be useless.
    const isPingDue = nowMs - this.#lastSentMs >= this.#limits.keepAliveIntervalMs - TIMER_JITTER_MS;
    return isPingDue && !outbound.isBlocked ? 'ping' : 'nothing';
  }

  #takeFlags(nowMs: number, outbound: OutboundProgress): void {
    if (this.#hasSent) this.#lastSentMs = this.#lastTickMs;
    if (this.#hasReceived) this.#lastReceivedMs = nowMs;
    if (this.#hasChangedState) this.#stateSinceMs = nowMs;
    if (!outbound.isBlocked || outbound.progress !== this.#seenProgress) this.#blockedSinceMs = nowMs;
    this.#seenProgress = outbound.progress;
    this.#lastTickMs = nowMs;
    this.#hasSent = false;
    this.#hasReceived = false;
    this.#hasChangedState = false;
  }
}

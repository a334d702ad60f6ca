// Limits the share of a gateway's time that publishing over HTTP may take. Under overload, excess requests are refused before
// they are parsed. Refusals must be cheap, because they take the time that publishing needs.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { type ProblemCode, problemBody } from './problem.js';

/** A turn of the event loop counts as late if its requests take at least this time. */
const LATE_TURN_MS = 50;
/** The gateway is overloaded if all turns have been late for this time. */
const OVERLOADED_AFTER_MS = 500;
/** The gateway is calm after a pause between two turns in which its event loop had nothing to do for this time. */
const CALM_AFTER_IDLE_MS = 50;
/**
 * Under overload, each turn serves requests for this time. The overload ends after a turn that takes less and refuses no
 * request.
 */
const TURN_BUDGET_MS = 20;
const RETRY_AFTER_SECONDS = 1;

/**
 * Decides whether there is time for one more request. Pure except for the two times.
 *
 * States: calm ⇄ late → overloaded → calm. A short burst makes turns late, but is served completely. Turns that stay late
 * show that more requests arrive than the gateway can serve. Without refusals, all clients would then wait longer and longer
 * for their events. Bursts with idle time between them never add up to an overload.
 */
export class TurnBudget {
  readonly #monotonicMs: () => number;
  readonly #idleMs: () => number;
  /** Time of the first request of the current turn. `undefined` before this request. */
  #turnStartedMs: number | undefined;
  #lateSinceMs: number | undefined;
  /** The idle time of the event loop at the end of the last late turn. */
  #idleBeforeMs = 0;
  #isOverloaded = false;
  #hasRefused = false;

  /** @param idleMs returns the total time in which the event loop had nothing to do, in milliseconds */
  constructor(monotonicMs: () => number, idleMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#idleMs = idleMs;
  }

  /** True before the first request of a turn. The caller must then call `endTurn` at the end of the turn. */
  get isFirstOfTurn(): boolean {
    return this.#turnStartedMs === undefined;
  }

  /** Decides whether the next request is served. */
  admits(): boolean {
    const timeMs = this.#monotonicMs();
    if (this.#turnStartedMs === undefined) {
      this.#turnStartedMs = timeMs;
      if (this.#lateSinceMs !== undefined && this.#idleMs() - this.#idleBeforeMs >= CALM_AFTER_IDLE_MS)
        this.#becomeCalm();
    }
    const isAdmitted = !this.#isOverloaded || timeMs - this.#turnStartedMs < TURN_BUDGET_MS;
    if (!isAdmitted) this.#hasRefused = true;
    return isAdmitted;
  }

  endTurn(): void {
    const timeMs = this.#monotonicMs();
    const startedMs = this.#turnStartedMs ?? timeMs;
    const tookMs = timeMs - startedMs;
    const isLate = this.#hasRefused || tookMs >= (this.#isOverloaded ? TURN_BUDGET_MS : LATE_TURN_MS);
    this.#turnStartedMs = undefined;
    this.#hasRefused = false;
    if (!isLate) {
      this.#becomeCalm();
      return;
    }
    this.#lateSinceMs ??= startedMs;
    this.#idleBeforeMs = this.#idleMs();
    if (timeMs - this.#lateSinceMs >= OVERLOADED_AFTER_MS) this.#isOverloaded = true;
  }

  #becomeCalm(): void {
    this.#lateSinceMs = undefined;
    this.#isOverloaded = false;
  }
}

/**
 * Makes the server admit or refuse each request to publish (see `TurnBudget`). A refused request never reaches the server's other
 * listeners.
 */
export function guardIngest(server: Server, onRefused: (code: ProblemCode) => void): void {
  const budget = new TurnBudget(
    () => performance.now(),
    () => performance.eventLoopUtilization().idle,
  );
  const listeners = server.listeners('request') as ((
    request: IncomingMessage,
    response: ServerResponse,
  ) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isIngest(request)) {
      // `endTurn` is called once per turn, after all requests that the sockets delivered in it.
      if (budget.isFirstOfTurn) setImmediate(() => budget.endTurn());
      if (!budget.admits()) {
        refuse(response);
        onRefused('overloaded');
        return;
      }
    }
    for (const listener of listeners) listener.call(server, request, response);
  });
}

function isIngest({ method, url }: IncomingMessage): boolean {
  return method === 'POST' && url !== undefined && url.startsWith('/v1/events');
}

const refusal = Buffer.from(
  problemBody({
    status: 503,
    code: 'overloaded',
    detail: `The gateway is overloaded. Nothing was published. Send the request again after ${RETRY_AFTER_SECONDS} s.`,
  }),
);
const refusalHeaders = {
  'content-type': 'application/problem+json',
  'content-length': refusal.length,
  'retry-after': String(RETRY_AFTER_SECONDS),
};

function refuse(response: ServerResponse): void {
  response.writeHead(503, refusalHeaders);
  response.end(refusal);
}

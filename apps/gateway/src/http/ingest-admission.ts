// Limits the share of a gateway's time that publishing over HTTP may take. Under overload, further requests are refused before they
// are parsed, with as little work as possible. A refusal that cost as much as an event would halve the throughput.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type ProblemCode, problemBody } from './problem.js';

/** A turn of the event loop is late when its requests take longer than this. */
const LATE_TURN_MS = 50;
/** The gateway is overloaded when all turns were late for this long. */
const OVERLOADED_AFTER_MS = 500;
/** Under overload, each turn serves requests for this long. The overload ends with a turn that takes less and refuses none. */
const TURN_BUDGET_MS = 20;
const RETRY_AFTER_SECONDS = 1;

/**
 * Decides whether there is time for one more request. Pure except for the clock.
 *
 * calm ⇄ late → overloaded → calm. A burst makes turns late, and is served completely. If turns stay late, more requests arrive
 * than the gateway can serve. Without refusals, all clients would then wait longer and longer for their events.
 */
export class TurnBudget {
  readonly #monotonicMs: () => number;
  /** Time of the first request of the current turn. `undefined` before this request. */
  #turnStartedMs: number | undefined;
  #lateSinceMs: number | undefined;
  #isOverloaded = false;
  #hasRefused = false;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** True before the first request of a turn. The caller must then arrange that `endTurn` is called at the end of the turn. */
  get isFirstOfTurn(): boolean {
    return this.#turnStartedMs === undefined;
  }

  /** Decides whether the next request is served. */
  admits(): boolean {
    const timeMs = this.#monotonicMs();
    this.#turnStartedMs ??= timeMs;
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
      this.#lateSinceMs = undefined;
      this.#isOverloaded = false;
      return;
    }
    this.#lateSinceMs ??= startedMs;
    if (timeMs - this.#lateSinceMs >= OVERLOADED_AFTER_MS) this.#isOverloaded = true;
  }
}

/** Makes the server decide about each request to publish (see `TurnBudget`) before its own listeners see the request. */
export function guardIngest(server: Server, onRefused: (code: ProblemCode) => void): void {
  const budget = new TurnBudget(() => performance.now());
  const listeners = server.listeners('request') as ((
    request: IncomingMessage,
    response: ServerResponse,
  ) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isIngest(request)) {
      // `endTurn` is called once per turn, after all requests that the sockets delivered in this turn.
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

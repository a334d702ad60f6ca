// Keeps publishing over HTTP from taking all of a gateway's time. Under overload the rest is refused before anything of it is parsed,
// by as little work as can be: a refusal that costs as much as an event would halve what gets through.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type ProblemCode, problemBody } from './problem.js';

/** A turn of the event loop in which requests take longer than this is late. */
const LATE_TURN_MS = 50;
/** Late turns for this long without a break, and the gateway is overloaded. */
const OVERLOADED_AFTER_MS = 500;
/** Under overload new requests get so much of a turn; it is calm again after a turn that needs less and refuses nothing. */
const TURN_BUDGET_MS = 20;
const RETRY_AFTER_SECONDS = 1;

/**
 * Decides whether there is time for one more request. Pure, but for the clock it is given.
 *
 * calm ⇄ late → overloaded → calm. A burst makes turns late, and all of it is served; only where they stay late more comes in than
 * goes out, and all clients of this gateway wait for their events longer and longer.
 */
export class TurnBudget {
  readonly #monotonicMs: () => number;
  /** When the first request of the present turn came; `undefined`: none has. */
  #turnStartedMs: number | undefined;
  #lateSinceMs: number | undefined;
  #isOverloaded = false;
  #hasRefused = false;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** True for the first request of a turn: then `endTurn` is due at the turn's end. */
  get isFirstOfTurn(): boolean {
    return this.#turnStartedMs === undefined;
  }

  /** Decides whether the next request is served. */
  admits(): boolean {
    const nowMs = this.#monotonicMs();
    this.#turnStartedMs ??= nowMs;
    const isAdmitted = !this.#isOverloaded || nowMs - this.#turnStartedMs < TURN_BUDGET_MS;
    if (!isAdmitted) this.#hasRefused = true;
    return isAdmitted;
  }

  endTurn(): void {
    const nowMs = this.#monotonicMs();
    const startedMs = this.#turnStartedMs ?? nowMs;
    const tookMs = nowMs - startedMs;
    const isLate = this.#hasRefused || tookMs >= (this.#isOverloaded ? TURN_BUDGET_MS : LATE_TURN_MS);
    this.#turnStartedMs = undefined;
    this.#hasRefused = false;
    if (!isLate) {
      this.#lateSinceMs = undefined;
      this.#isOverloaded = false;
      return;
    }
    this.#lateSinceMs ??= startedMs;
    if (nowMs - this.#lateSinceMs >= OVERLOADED_AFTER_MS) this.#isOverloaded = true;
  }
}

/** Stands before the server's own listener, for requests to publish. */
export function guardIngest(server: Server, refused: (code: ProblemCode) => void): void {
  const budget = new TurnBudget(() => performance.now());
  const serve = server.listeners('request') as ((
    request: IncomingMessage,
    response: ServerResponse,
  ) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isIngest(request)) {
      // Once a turn, after everything that this turn's sockets brought.
      if (budget.isFirstOfTurn) setImmediate(() => budget.endTurn());
      if (!budget.admits()) {
        refuse(response);
        refused('overloaded');
        return;
      }
    }
    for (const listener of serve) listener.call(server, request, response);
  });
}

function isIngest({ method, url }: IncomingMessage): boolean {
  return method === 'POST' && url !== undefined && url.startsWith('/v1/events');
}

const refusal = Buffer.from(
  problemBody({
    status: 503,
    code: 'overloaded',
    detail: `The gateway is offered more than it can take. Nothing was published. Send the request again after ${RETRY_AFTER_SECONDS} s.`,
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

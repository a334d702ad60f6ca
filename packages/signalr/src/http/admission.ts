/*
 * Authenticates requests: the result of `authenticate` becomes either a principal or a refusal.
 */

import { toError } from '@millrace/internal';
import type { ClientBudget } from '../budgets/client-budgets.js';
import type { ConnectionPrincipal } from '../connection/connection-principal.js';
import type { RequestInfo } from '../connection/request-info.js';
import { AuthenticationUnavailable } from '../errors.js';
import type { RefusalReason, SignalREventListener } from '../events.js';
import { type Authenticate, type AuthenticateRequest, bearerTokenOf } from './authenticate.js';
import type { StoredConnection } from './connection-store.js';
import { emptyAnswer, type HttpAnswer, retryLater, tooManyRequests } from './http-answer.js';

/** The principal of a request, or the answer that refuses the request. */
export type Admission =
  | { readonly kind: 'admitted'; readonly principal: ConnectionPrincipal }
  | { readonly kind: 'refused'; readonly answer: HttpAnswer };

/** The time after which a client that has too many connections is asked to try again. */
const FULL_RETRY_MS = 10_000;

const MAX_SHOWN_ORIGIN_CHARS = 200;

/** Admits or refuses the requests of one hub. */
export class Admitter {
  readonly #hubPath: string;
  /**
   * The application's function. Its user type is `unknown` here, because `mapHub` has already checked it against the hub's
   * user type.
   */
  readonly #authenticate: Authenticate<unknown> | undefined;
  readonly #onEvent: SignalREventListener;

  constructor(
    hubPath: string,
    authenticate: Authenticate<unknown> | undefined,
    onEvent: SignalREventListener,
  ) {
    this.#hubPath = hubPath;
    this.#authenticate = authenticate;
    this.#onEvent = onEvent;
  }

  /**
   * Authenticates one request. Never rejects. An `AuthenticationUnavailable` from `authenticate` is answered with 503. Any
   * other error is reported and answered with 500.
   * @param find finds the connection of the request, if there is one. It is called again after `authenticate`, because
   *   another request may have opened the connection meanwhile
   */
  async admit(
    info: RequestInfo,
    stage: AuthenticateRequest['stage'],
    find?: () => StoredConnection | undefined,
  ): Promise<Admission> {
    if (this.#authenticate === undefined) {
      return { kind: 'admitted', principal: { userId: null, user: undefined } };
    }
    try {
      const current = find?.()?.attached?.connection.principal;
      const result = await this.#authenticate({ ...info, token: bearerTokenOf(info), stage, current });
      if (result !== undefined) return this.#admitAs(result, find?.());
      // The body is empty. The official client would otherwise report the body instead of the reason phrase, and its own
      // tests expect the reason phrase.
      return { kind: 'refused', answer: this.refuse('unauthorized', emptyAnswer(401)) };
    } catch (error) {
      if (error instanceof AuthenticationUnavailable) {
        const answer = retryLater(error.retryAfterSeconds);
        return { kind: 'refused', answer: this.refuse('authentication_unavailable', answer) };
      }
      this.#onEvent({ type: 'authentication_failed', hub: this.#hubPath, error: toError(error) });
      return { kind: 'refused', answer: emptyAnswer(500) };
    }
  }

  /**
   * Refuses a user who does not own the connection. Connection tokens appear in URLs, so a token alone must not give access to
   * another user's connection.
   */
  #admitAs(principal: ConnectionPrincipal, stored: StoredConnection | undefined): Admission {
    const current = stored?.attached?.connection.principal;
    const isOwn =
      current === undefined ? (stored?.isFor(principal.userId) ?? true) : current.userId === principal.userId;
    if (isOwn) return { kind: 'admitted', principal };
    return { kind: 'refused', answer: this.refuse('other_user', emptyAnswer(403)) };
  }

  /** Reports an error of the application's code. The returned answer has status 500 and reveals nothing about the error. */
  fail(error: unknown): HttpAnswer {
    this.#onEvent({ type: 'request_failed', hub: this.#hubPath, error: toError(error) });
    return emptyAnswer(500);
  }

  /** Refuses a request of a client until its budget suffices again. */
  refuseRate(waitMs: number): HttpAnswer {
    return this.refuse('rate_limited', tooManyRequests(waitMs, 'Too many requests of this user: wait.'));
  }

  /** Refuses to open a connection for a client that has too many. */
  refuseConnection({ maximumConnections }: ClientBudget): HttpAnswer {
    const text = `This user has ${maximumConnections} connections, the maximum: close some of them.`;
    return this.refuse('too_many_connections_of_client', tooManyRequests(FULL_RETRY_MS, text));
  }

  /** Refuses a negotiate request of a client that has too many negotiated connections without a transport. */
  refusePending({ maximumPendingConnections }: ClientBudget): HttpAnswer {
    const text = `This user has ${maximumPendingConnections} negotiated connections without a transport, the maximum: open them, or wait.`;
    return this.refuse('too_many_pending_connections_of_client', tooManyRequests(FULL_RETRY_MS, text));
  }

  /** Reports the refusal and returns its answer. */
  refuse(reason: RefusalReason, answer: HttpAnswer): HttpAnswer {
    this.#onEvent({ type: 'request_refused', hub: this.#hubPath, reason });
    return answer;
  }

  /** Reports that the origin of a page is not allowed, and returns the answer that refuses the request. */
  refuseOrigin(origin: string | undefined, answer: HttpAnswer): HttpAnswer {
    const shown = (origin ?? '').slice(0, MAX_SHOWN_ORIGIN_CHARS);
    this.#onEvent({
      type: 'request_refused',
      hub: this.#hubPath,
      reason: 'origin_not_allowed',
      origin: shown,
    });
    return answer;
  }
}

// Authenticates connections by a verified token, or in development mode without a token. The hub identifies a user by `userKey`,
// which is the same for a UUID in upper and lower case. `user.userId` keeps the spelling of the token.
import { randomUUID } from 'node:crypto';
import { userKey } from '@millrace/internal';
import { type Authenticate, AuthenticationUnavailable } from '@millrace/signalr';
import type { Revocations } from '../membership/revocations.js';
import type { Logger } from '../telemetry/logger.js';
import type { TokenRefusal } from './token-rules.js';
import type { TokenVerifier, User } from './token-verifier.js';

/** Dependencies of {@link authenticateByToken}. */
export interface TokenAuthentication {
  readonly verifyToken: TokenVerifier;
  readonly revocations: Pick<Revocations, 'isSignedOut'>;
  readonly logger: Logger;
}

/**
 * Accepts valid tokens only, and only those that were issued after the user was last signed out. A refusal is logged with its reason, never with the token. While the keys are
 * unavailable, the client gets 503 and should retry. Such an outage is not logged here, because `RemoteKeys`
 * reports the outage once.
 */
export function authenticateByToken({
  verifyToken,
  revocations,
  logger,
}: TokenAuthentication): Authenticate<User> {
  return async ({ token }) => {
    const verification = await verifyToken(token);
    if (!verification.ok) {
      if ('retryAfterMs' in verification) {
        if (verification.refusal === 'user_unavailable')
          throw new AuthenticationUnavailable('the user of the token cannot be determined', verification);
        const { reason } = verification;
        if (reason !== undefined) logger.warn({ reason }, 'a key of the key server cannot be used');
        throw new AuthenticationUnavailable('the key server is unavailable', verification);
      }
      const { refusal, detail } = verification;
      logger.info({ refusal, detail }, 'connection refused: its token is not accepted');
      return undefined;
    }
    const { user, expiresAtMs } = verification.token;
    const { issuedAtMs = 0 } = user;
    if (revocations.isSignedOut(user.userId, issuedAtMs)) {
      const refusal: TokenRefusal = 'signed_out';
      const detail = 'its user was signed out after it was issued';
      logger.info({ refusal, detail }, 'connection refused: its token is not accepted');
      return undefined;
    }
    return {
      userId: userKey(user.userId),
      user,
      issuedAtMs,
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    };
  };
}

/**
 * Accepts everybody, for development mode without a configured secret or key server. Without a token, the query may name the
 * user (`?user=…&name=…`). A user without a name is anonymous, with a new ID. A token that a client sends must be valid.
 */
export function authenticateAnybody(authenticateToken: Authenticate<User>): Authenticate<User> {
  return async (request) => {
    if (request.token !== null) return authenticateToken(request);
    const { query, current, stage } = request;
    // A connection over long polling authenticates with every request, and must keep its user.
    const known = query.get('user') ?? current?.userId;
    const userId = known ?? randomUUID();
    const isAnonymous = query.get('user') === undefined;
    const user = { userId, name: query.get('name') ?? 'anonymous', rooms: [], isAnonymous };
    // Only the negotiated user may open the connection. An anonymous user gets a new ID when the connection opens. Therefore
    // the negotiation names no user.
    return { userId: known === undefined && stage === 'negotiate' ? null : userKey(userId), user };
  };
}

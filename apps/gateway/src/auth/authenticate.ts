// Authenticates connections by a verified token, or in development mode without a token. The hub identifies a user by `userKey`,
// which is the same for a UUID in upper and lower case. `user.userId` keeps the spelling of the token.
import { randomUUID } from 'node:crypto';
import { userKey } from '@millrace/internal';
import { type Authenticate, AuthenticationUnavailable } from '@millrace/signalr';
import type { Logger } from '../telemetry/logger.js';
import type { TokenVerifier, User } from './token-verifier.js';

/**
 * Accepts valid tokens only. A refusal is logged with its reason, never with the token. While the keys are
 * unavailable, the client gets 503 and should retry. Such an outage is not logged here, because `RemoteKeys`
 * reports the outage once.
 */
export function authenticateByToken(verifyToken: TokenVerifier, logger: Logger): Authenticate<User> {
  return async ({ token }) => {
    const verification = await verifyToken(token);
    if (!verification.ok) {
      if (verification.refusal === 'keys_unavailable') {
        const { reason } = verification;
        if (reason !== undefined) logger.warn({ reason }, 'a key of the key server cannot be used');
        throw new AuthenticationUnavailable('the key server is unavailable', verification);
      }
      const { refusal, detail } = verification;
      logger.info({ refusal, detail }, 'connection refused: its token is not accepted');
      return undefined;
    }
    const { user, expiresAtMs } = verification.token;
    return { userId: userKey(user.userId), user, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) };
  };
}

/**
 * Accepts everybody. Without a token, the query may name the user (`?user=…&name=…`). Otherwise the user is
 * anonymous, with a new ID. If the client sends a token, the token must be valid. Used only in development
 * mode without a configured secret or key server.
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
    // Only the negotiated user may open the connection. An anonymous user gets a new ID when the connection
    // opens, so the negotiation names no user.
    return { userId: known === undefined && stage === 'negotiate' ? null : userKey(userId), user };
  };
}

// Authenticates connections: by a verified token, or in development without one. The hub identifies users by their keys, so that it finds
// all connections of a user however a token spells the ID; `user.userId` keeps the spelling of the token.
import { randomUUID } from 'node:crypto';
import { userKey } from '@millrace/contract';
import { type Authenticate, AuthenticationUnavailable } from '@millrace/signalr';
import type { Logger } from '../telemetry/logger.js';
import type { TokenVerifier, User } from './token-verifier.js';

/**
 * Accepts valid tokens only. Refusals are logged with their reason, never with the token. While no key is available the client is told to
 * come back; that is logged once, where the keys are requested.
 */
export function authenticateByToken(verifyToken: TokenVerifier, logger: Logger): Authenticate<User> {
  return async ({ token }) => {
    const verification = await verifyToken(token);
    if (!verification.ok) {
      if (verification.refusal === 'keys_unavailable')
        throw new AuthenticationUnavailable('the key server is unavailable', verification);
      logger.info({ refusal: verification.refusal }, 'connection refused');
      return undefined;
    }
    const { user, expiresAtMs } = verification.token;
    return { userId: userKey(user.userId), user, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) };
  };
}

/**
 * Accepts everybody: without a token the query names the user (`?user=…&name=…`), else the user is a new anonymous one. A token that
 * is given must be valid. Development mode without a secret only.
 */
export function authenticateAnybody(authenticateToken: Authenticate<User>): Authenticate<User> {
  return async (request) => {
    if (request.token !== null) return authenticateToken(request);
    const { query, current, stage } = request;
    // A connection over long polling authenticates with every request: its user stays the same.
    const known = query.get('user') ?? current?.userId;
    const userId = known ?? randomUUID();
    const user = { userId, name: query.get('name') ?? 'anonymous', rooms: [] };
    // Only the user who negotiated may open the connection, and an anonymous user is given another ID on opening it.
    return { userId: known === undefined && stage === 'negotiate' ? null : userKey(userId), user };
  };
}

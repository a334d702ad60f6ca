// Who is connecting: a verified token, or in development anybody. The hub knows users by their keys, so that it finds all connections
// of a user however a token spells the ID; `user.userId` stays as it was written.
import { randomUUID } from 'node:crypto';
import { userKey } from '@millrace/contract';
import { type Authenticate, AuthenticationUnavailable } from '@millrace/signalr';
import type { Logger } from '../telemetry/logger.js';
import type { TokenVerifier, User } from './token-verifier.js';

/**
 * Accepts valid tokens only. Refusals are logged with their reason, never with the token. While the keys cannot be had the client is told to
 * come back; that is logged once, where the keys are asked for.
 */
export function authenticateByToken(verifyToken: TokenVerifier, logger: Logger): Authenticate<User> {
  return async ({ token }) => {
    const verification = await verifyToken(token);
    if (!verification.ok) {
      if (verification.refusal === 'keys_unavailable')
        throw new AuthenticationUnavailable('the key server cannot be asked', verification);
      logger.info({ refusal: verification.refusal }, 'connection refused');
      return undefined;
    }
    const { user, expiresAtMs } = verification.token;
    return { userId: userKey(user.userId), user, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) };
  };
}

/**
 * Accepts everybody: without a token the user is who the query says (`?user=…&name=…`), else a new anonymous one. A token that
 * is given must be good. Development mode without a secret only.
 */
export function authenticateAnybody(authenticateToken: Authenticate<User>): Authenticate<User> {
  return async (request) => {
    if (request.token !== null) return authenticateToken(request);
    const { query, current, stage } = request;
    // Over polls and posts a connection asks again and again: it stays who it was.
    const known = query.get('user') ?? current?.userId;
    const userId = known ?? randomUUID();
    const user = { userId, name: query.get('name') ?? 'anonymous', rooms: [] };
    // What a user has negotiated nobody else may open, and the one who opens it will be given another ID than this.
    return { userId: known === undefined && stage === 'negotiate' ? null : userKey(userId), user };
  };
}

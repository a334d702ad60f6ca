// Signs tokens that this gateway itself accepts: for the command line and for the demo. In production, the backend signs them.
import { SignJWT } from 'jose';
import type { User } from './token-verifier.js';

/** Signs a token for a user. The token is valid for `minutes`. */
export type IssueToken = (user: User, minutes: number) => Promise<string>;

/** Creates an issuer of HS256 tokens. */
export function createTokenIssuer(jwtSecret: () => string): IssueToken {
  return async ({ userId, name, rooms }, minutes) =>
    new SignJWT({ name, rooms })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(userId)
      .setIssuedAt()
      .setExpirationTime(`${minutes} minutes`)
      .sign(new TextEncoder().encode(jwtSecret()));
}

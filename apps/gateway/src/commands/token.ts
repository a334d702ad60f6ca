// `millrace token`: signs a token the way a backend would.
import { createTokenIssuer } from '../auth/token-issuer.js';
import { readEnvironment } from '../environment.js';
import { GatewayError } from '../errors.js';

/** Options of `millrace token`. */
export interface TokenCommandOptions {
  readonly sub: string;
  readonly name?: string;
  readonly rooms: string;
  readonly minutes: number;
}

/**
 * Prints a token.
 *
 * @throws GatewayError `invalid_configuration` without MILLRACE_JWT_SECRET.
 */
export async function mintToken(options: TokenCommandOptions): Promise<void> {
  const { jwtSecret } = readEnvironment(process.env).gateway;
  if (jwtSecret === undefined) {
    throw new GatewayError(
      'invalid_configuration',
      'Set MILLRACE_JWT_SECRET to the secret that the gateway uses.',
    );
  }
  const user = {
    userId: options.sub,
    name: options.name ?? options.sub,
    rooms: options.rooms.split(',').filter((room) => room !== ''),
  };
  console.log(await createTokenIssuer(jwtSecret)(user, options.minutes));
}

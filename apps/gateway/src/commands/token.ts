// `millrace token`: signs a token as a backend would.
import { isUserId } from '@millrace/contract';
import { createTokenIssuer } from '../auth/token-issuer.js';
import { GatewayError } from '../errors.js';
import { readEnvironment } from '../settings/environment.js';
import { secretsOf } from '../settings/options.js';
import { createCommandAudit, operator } from '../telemetry/audit.js';

/** Options of `millrace token`. */
export interface TokenCommandOptions {
  readonly sub: string;
  readonly name?: string;
  readonly rooms?: readonly string[];
  readonly minutes: number;
}

/**
 * Prints a token.
 *
 * @throws GatewayError `invalid_configuration` if MILLRACE_JWT_SECRET is missing or invalid
 * @throws GatewayError `invalid_arguments` for a user ID that no gateway accepts
 */
export async function mintToken(options: TokenCommandOptions): Promise<void> {
  const { jwtSecret, jwtSecrets = [] } = readEnvironment(process.env).gateway;
  const [secret] = secretsOf({ jwtSecret, jwtSecrets });
  if (secret === undefined) {
    throw new GatewayError(
      'invalid_configuration',
      'Set MILLRACE_JWT_SECRET to the secret that the gateway uses.',
    );
  }
  if (!isUserId(options.sub)) {
    throw new GatewayError(
      'invalid_arguments',
      `--sub ${JSON.stringify(options.sub)} cannot be a user ID. Give one of 1 to 200 bytes without control characters, and not "me".`,
    );
  }
  const user = {
    userId: options.sub,
    name: options.name ?? options.sub,
    rooms: options.rooms ?? [],
  };
  const token = await createTokenIssuer(() => secret)(user, options.minutes);
  const target = { sub: user.userId, rooms: user.rooms, minutes: options.minutes };
  createCommandAudit()({ action: 'sign_token', by: operator(process.env), target, outcome: 'done' });
  console.log(token);
}

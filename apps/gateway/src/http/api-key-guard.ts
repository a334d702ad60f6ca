// Checks the API key of a request before the body of the request is read.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiKeyScope, ApiKeys, KnownApiKey } from '../auth/api-keys.js';
import { sendProblem } from './problem.js';

/** Options of {@link checkApiKey}. */
export interface ApiKeyGuardOptions {
  /** Returns the API keys that are accepted now. */
  readonly apiKeys: () => ApiKeys;
  /** True if requests need no key while no keys are configured. */
  readonly isDevelopment: boolean;
  /** Called when a key is refused because of its scopes, rooms or types. The argument is the name of the key. */
  onForbidden(keyName: string): void;
}

/** The API keys of the requests that presented one. */
const presentedKeys = new WeakMap<FastifyRequest, KnownApiKey>();

/** Refuses a request without an API key of this scope. {@link presentedKeyOf} returns the key of an accepted request. */
export async function checkApiKey(
  request: FastifyRequest,
  reply: FastifyReply,
  scope: ApiKeyScope,
  { apiKeys, isDevelopment, onForbidden }: ApiKeyGuardOptions,
): Promise<void> {
  const keys = apiKeys();
  if (isDevelopment && keys.isEmpty) return;
  const key = keys.find(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]);
  if (key === undefined) {
    const detail = 'Send one of the keys in MILLRACE_API_KEYS as `Authorization: Bearer <key>`.';
    await sendProblem(reply, { status: 401, code: 'unauthorized', detail });
  } else if (!key.has(scope)) {
    onForbidden(key.name);
    const detail = `This API key does not have the scope \`${scope}\`.`;
    await sendProblem(reply, { status: 403, code: 'forbidden', detail });
  } else {
    presentedKeys.set(request, key);
  }
}

/** Returns the API key of a request. Returns `undefined` in development mode without keys. */
export function presentedKeyOf(request: FastifyRequest): KnownApiKey | undefined {
  return presentedKeys.get(request);
}

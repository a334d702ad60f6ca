// Asks the backend by HTTP if a user may enter a room: `POST {user_id, name, room_id}`, answered by `{"allowed": true}` or
// `{"allowed": false}`. Every other answer is a failure, so it refuses nobody.

import type { User } from '../auth/token-verifier.js';
import { codeOf, expectOk, parseJson, readBounded, reasonOf } from '../http/remote-answer.js';
import { AccessFailure } from './access-failure.js';
import type { AccessSource } from './asked-rule.js';

/** Options of {@link accessCallback}. */
export interface AccessCallbackOptions {
  readonly url: string;
  /** Key of the gateway. `undefined`: requests carry no key. */
  readonly key: string | undefined;
  /** Header that carries the key. In `authorization`, the key is a bearer token. */
  readonly keyHeader: string;
}

/** Maximum size of an answer. */
const MAX_ANSWER_BYTES = 16_384;

/**
 * Codes of a connection that broke before the answer. The backend usually closed it while it was idle. A question changes nothing, so it
 * is asked again on another connection.
 */
const BROKEN_CONNECTION: readonly string[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/** Error codes for a connection that could not be opened. Any other error concerns one answer only: other questions may still succeed. */
const NO_CONNECTION =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.+|ERR_SSL_.+|CERT_.+|UNABLE_TO_.+|SELF_SIGNED_.+|DEPTH_ZERO_.+)$/;

/** Creates the function that asks. It rejects with an {@link AccessFailure}. */
export function accessCallback({ url, key, keyHeader }: AccessCallbackOptions): AccessSource {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(key === undefined ? {} : { [keyHeader]: keyHeader === 'authorization' ? `Bearer ${key}` : key }),
  };
  return {
    describe: userOf,
    async ask(user, roomId, { signal }) {
      const body = JSON.stringify({ ...userOf(user), room_id: roomId });
      const request: RequestInit = { method: 'POST', headers, body, redirect: 'manual', signal };
      try {
        return await answerTo(() => fetch(url, request));
      } catch (cause) {
        const code = codeOf(cause);
        if (code !== undefined && BROKEN_CONNECTION.includes(code))
          throw new AccessFailure(`its connection broke before the answer (${code})`, { cause });
        throw new AccessFailure(reasonOf(cause), { cause, isUnreachable: NO_CONNECTION.test(code ?? '') });
      }
    },
  };
}

function userOf({ userId, name }: User): object {
  return { user_id: userId, name };
}

async function answerTo(send: () => Promise<Response>): Promise<boolean> {
  const response = await send().catch((error: unknown) => {
    if (BROKEN_CONNECTION.includes(codeOf(error) ?? '')) return send();
    throw error;
  });
  await expectOk(response);
  const answer = parseJson(await readBounded(response, MAX_ANSWER_BYTES));
  const allowed = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'allowed') : undefined;
  if (typeof allowed === 'boolean') return allowed;
  throw new Error('its answer has no field `allowed` that is true or false');
}

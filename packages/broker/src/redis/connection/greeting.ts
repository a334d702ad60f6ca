// The first exchange with a server: the login, and the facts that the server reports about itself.
import { BrokerError } from '../../errors.js';
import { asArray, asNumber, asText } from '../calls/replies.js';
import type { RespClient } from '../resp/resp-client.js';
import { isErrorReply } from './redis-errors.js';

/** Facts that the server reports about itself and about this client. */
export interface Greeting {
  readonly clientId: string;
  /** The `run_id` of the server. `undefined` if the user may not send INFO. */
  readonly runId: string | undefined;
  readonly isClusterNode: boolean;
  /** False if the server is a replica. */
  readonly isMaster: boolean;
}

/**
 * A script that begins with a `#!lua` line, as all scripts of this package do. Servers older than Redis 7.0 cannot compile it. The
 * version number is not compared, because Redis, Valkey and hosted servers count their versions differently.
 */
const PROBE = ['EVAL', '#!lua flags=no-writes\nreturn 1', '0'];

/**
 * Logs in, checks that the server knows the scripts of this package, and returns facts about the server and the client. Uses
 * HELLO without arguments, which changes nothing and is allowed to every user. Many users of hosted servers may send neither
 * INFO nor ROLE.
 */
export async function greet(
  client: RespClient,
  login: readonly (readonly string[])[],
  timeoutMs: number,
): Promise<Greeting> {
  const accepted = login.map((command) => client.send(command, timeoutMs));
  const [hello, server, clientId, knowsScripts] = await Promise.all([
    client.send(['HELLO'], timeoutMs),
    client.send(['INFO', 'server'], timeoutMs).catch(ifRefused),
    client.send(['CLIENT', 'ID'], timeoutMs),
    client.send(PROBE, timeoutMs).then(() => true, canCompile),
    ...accepted,
  ]);
  const about = fieldsOf(hello);
  if (!knowsScripts) {
    const version = about.get('version') ?? 'unknown';
    throw new BrokerError('refused', `Redis 7.0 or newer is needed, this is ${version}`);
  }
  return {
    clientId: String(asNumber(clientId)),
    runId: typeof server === 'string' ? /^run_id:(\w+)/m.exec(server)?.[1] : undefined,
    isClusterNode: about.get('mode') === 'cluster',
    isMaster: about.get('role') === 'master',
  };
}

/**
 * Returns `undefined` if the user lacks the permission, or the server does not know the command. Throws every other error again.
 */
function ifRefused(error: unknown): undefined {
  if (isErrorReply(error)) return undefined;
  throw error;
}

/**
 * Returns false if the error says that the server cannot compile the script. Returns true for any other error reply, such as a missing
 * permission: that error is explained when a script is called.
 */
function canCompile(error: unknown): boolean {
  if (isErrorReply(error)) return !/\bcompiling script\b/i.test(error.message);
  throw error;
}

/** Converts a reply of alternating names and values to a map. Leaves out values that are neither text nor numbers. */
function fieldsOf(reply: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const items = asArray(reply);
  for (let at = 0; at + 1 < items.length; at += 2) {
    const value = items[at + 1];
    if (typeof value === 'string' || typeof value === 'number') fields.set(asText(items[at]), String(value));
  }
  return fields;
}

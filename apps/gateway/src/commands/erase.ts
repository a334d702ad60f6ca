// `millrace erase`: erases events through a gateway and prints their number. The gateway writes the audit line.
import { readFile } from 'node:fs/promises';
import { GatewayError } from '../errors.js';
import { escapeControls } from '../telemetry/terminal-text.js';
import { isCredential } from './option-values.js';
import { whyUnanswered } from './unanswered.js';

/** Options of `millrace erase`. */
export interface EraseCommandOptions {
  readonly url: string;
  readonly event?: string;
  readonly room?: string;
  readonly user?: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly json?: boolean;
}

/** The gateway's answer before it is checked: the numbers of erased events, or a problem. */
type Answer = Readonly<Record<string, unknown>>;

/**
 * Erases one event, all events of a room, or all events of a user. Repeats the request until all streams are searched. The
 * exit code is 1 if the gateway refuses a request.
 *
 * @throws GatewayError `invalid_arguments` without `--event`, `--user` and `--room`, or with both `--event` and `--user`. A
 *   room may be given with an event or a user
 */
export async function erase(options: EraseCommandOptions): Promise<void> {
  const path = pathOf(options);
  const key = await keyOf(options);
  const total = { erased: 0, dead_letters: 0, is_removed: true };
  let after: string | undefined;
  do {
    const url = new URL(options.url);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
    if (options.room !== undefined && !path.startsWith('/v1/rooms/'))
      url.searchParams.set('room_id', options.room);
    if (after !== undefined) url.searchParams.set('after', after);
    const answer = await requestErasure(url, key);
    if (answer === undefined) return;
    total.erased += numberIn(answer, 'erased');
    total.dead_letters += numberIn(answer, 'dead_letters');
    total.is_removed &&= answer['is_removed'] === true;
    after = typeof answer['next'] === 'string' ? answer['next'] : undefined;
  } while (after !== undefined);
  console.log(options.json === true ? JSON.stringify(total) : lineOf(total));
}

function pathOf({ event, room, user }: EraseCommandOptions): string {
  if (event !== undefined && user === undefined) return `/v1/events/${encodeURIComponent(event)}`;
  if (user !== undefined && event === undefined) return `/v1/users/${encodeURIComponent(user)}/events`;
  if (room !== undefined && event === undefined) return `/v1/rooms/${encodeURIComponent(room)}/events`;
  throw new GatewayError(
    'invalid_arguments',
    'Give one of --event, --user and --room. A --room with --event or --user limits the search to this room.',
  );
}

async function keyOf({ key, keyFile }: EraseCommandOptions): Promise<string | undefined> {
  if (keyFile === undefined) return key;
  if (key !== undefined) throw new GatewayError('invalid_arguments', 'Give --key or --key-file, not both.');
  const file = `The file ${JSON.stringify(keyFile)} of --key-file`;
  let text: string;
  try {
    text = (await readFile(keyFile, 'utf8')).trim();
  } catch (cause) {
    throw new GatewayError('invalid_arguments', `${file} cannot be read.`, { cause });
  }
  if (isCredential(text)) return text;
  throw new GatewayError('invalid_arguments', `${file} must hold one key and nothing else.`);
}

/** Sends one request. If the gateway refuses it, prints the reason and returns `undefined`. */
async function requestErasure(url: URL, key: string | undefined): Promise<Answer | undefined> {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  let response: Response;
  try {
    response = await fetch(url, { method: 'DELETE', headers });
  } catch (error) {
    fail(whyUnanswered(url, error));
    return undefined;
  }
  const text = await response.text();
  const answer = readAnswer(text);
  if (response.ok && answer !== undefined) return answer;
  const detail = answer?.['detail'];
  fail(typeof detail === 'string' ? detail : `the gateway answered ${response.status}`);
  return undefined;
}

function readAnswer(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // A proxy may answer with a page instead of JSON.
    return undefined;
  }
}

function numberIn(answer: Answer, name: string): number {
  const value = answer[name];
  return typeof value === 'number' ? value : 0;
}

function lineOf(total: {
  readonly erased: number;
  readonly dead_letters: number;
  readonly is_removed: boolean;
}): string {
  const rest = total.is_removed
    ? ''
    : '; they leave their streams when every gateway has read that they are erased';
  return `erased  ${total.erased} events, ${total.dead_letters} dead letters${rest}`;
}

function fail(message: string): void {
  console.error(escapeControls(`millrace: ${message}`));
  process.exitCode = 1;
}

// `millrace tail`: joins a room like any SignalR client and prints the events that arrive.

import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { memberTexts } from '@millrace/contract';
import { messageOf } from '@millrace/internal';
import { escapeControls } from '../telemetry/terminal-text.js';
import { AllTargetsProtocol, ANY_TARGET } from './all-targets.js';
import { standardOutputFailed } from './standard-output.js';
import { whyUnanswered } from './unanswered.js';

/** Options of `millrace tail`. */
export interface TailCommandOptions {
  readonly room: string;
  readonly url: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly count?: number;
}

interface TailedEvent {
  readonly position: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly timestamp: string;
  readonly room_id: string;
  readonly payload: unknown;
}

interface JoinAnswer {
  readonly position: string;
  readonly recovered: boolean;
}

/** Prints events until `count` events have arrived, the connection is refused, or the program is interrupted. */
export async function tail(options: TailCommandOptions): Promise<void> {
  const { room, token } = options;
  const connection = new HubConnectionBuilder()
    .withUrl(hubUrl(options.url), token === undefined ? {} : { accessTokenFactory: () => token })
    .withHubProtocol(new AllTargetsProtocol())
    .withAutomaticReconnect({ nextRetryDelayInMilliseconds: () => 1_000 })
    .configureLogging(LogLevel.None)
    .build();

  let position: string | undefined;
  const join = async (): Promise<void> => {
    const answer = await connection.invoke<JoinAnswer>('JoinRoom', room, position ?? null);
    if (position !== undefined && !answer.recovered)
      console.error('millrace: some events that were missed while disconnected could not be sent');
    position = answer.position;
  };

  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
    void standardOutputFailed().then(resolve);
  });
  const finished = new Promise<void>((resolve) => {
    let count = 0;
    connection.on(ANY_TARGET, (target: string, text: string) => {
      const message = JSON.parse(text) as Partial<TailedEvent>;
      position = message.position ?? position;
      if (target === 'resync') console.error('millrace: some events were lost and cannot be sent any more');
      if (target === 'event_erased')
        console.error(escapeControls(`millrace: the event ${message.event_id} was erased`));
      if (!isEvent(message)) return;
      console.log(escapeControls(onOneLine(options.json === true ? text : lineOf(message, text))));
      count += 1;
      if (count === options.count) resolve();
    });
    connection.onclose(() => resolve());
    void interrupted.then(resolve);
  });

  try {
    const joined = connection.start().then(join);
    const isInterrupted = await Promise.race([joined, interrupted.then(() => true)]);
    // The request of a server that does not answer cannot be cancelled, and would keep the process running.
    if (isInterrupted === true) process.exit();
  } catch (error) {
    console.error(escapeControls(`millrace: ${await reasonOf(error, options.url)}`));
    process.exitCode = 1;
    await connection.stop();
    return;
  }
  connection.onreconnected(() => {
    console.error('millrace: connected again');
    join().catch(async (error: unknown) => {
      console.error(escapeControls(`millrace: ${await reasonOf(error, options.url)}`));
      process.exitCode = 1;
      void connection.stop();
    });
  });
  connection.onreconnecting(() => console.error('millrace: connection lost, trying again'));
  console.error(`millrace: listening to ${room} on ${options.url} (Ctrl-C ends)`);
  await finished;
  await connection.stop();
}

/** Returns the address of the hub. Keeps the path of `url`, because a proxy may serve the gateway below a path. */
function hubUrl(url: string): string {
  const base = new URL(url);
  base.pathname = `${base.pathname.replace(/\/$/, '')}/hubs/events`;
  // The connection is then only in the room that it joins.
  base.searchParams.set('resume', '1');
  return base.href;
}

/** True for an event. The other messages of the gateway have no `payload`. */
function isEvent(message: Partial<TailedEvent>): message is TailedEvent {
  return message.payload !== undefined && message.event_type !== undefined;
}

/** Returns the line for people. The payload is shown as it was written, with all digits of its numbers. */
function lineOf({ timestamp, event_type }: TailedEvent, text: string): string {
  return `${timestamp}  ${event_type.padEnd(20)}  ${memberTexts(text, ['payload']).get('payload')}`;
}

/** Replaces the line ends between the tokens of JSON text. Inside its strings, line ends are escaped. */
function onOneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}

async function reasonOf(error: unknown, url: string): Promise<string> {
  const message = messageOf(error);
  if (message.includes('401')) return 'the gateway refused the token; give a valid one with --token';
  if (message.includes("'503'"))
    return 'the gateway cannot verify the token now, or is stopping; try again later';
  if (message.includes("'421'"))
    return `the gateway is in development mode and answers to localhost only, not to ${new URL(url).hostname}`;
  if (message.includes('fetch failed')) return whyNotConnected(new URL(url));
  // The text after `HubException: ` is the message of a hub error, which is meant for people.
  return message.split('HubException: ').at(-1) ?? message;
}

/** Asks again, because the client of SignalR does not say why a request has failed. */
async function whyNotConnected(url: URL): Promise<string> {
  try {
    await fetch(url, { method: 'HEAD' });
  } catch (error) {
    return whyUnanswered(url, error);
  }
  return `${url.origin} did not answer; try again`;
}

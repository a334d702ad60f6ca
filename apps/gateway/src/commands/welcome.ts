// The text that a gateway in development mode prints when it starts: its address, its mode, and commands to try it out.
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import type { ExampleEvent } from '../application/application.js';
import { sampleEventOf } from './sample-event.js';

/** The facts that the text states. */
export interface WelcomeFacts {
  readonly url: string;
  readonly adminUrl?: string | undefined;
  readonly brokerKind: 'redis' | 'memory';
  readonly catalog: AnyCatalog;
  /** True if users need a token, because a secret or a key server is configured. */
  readonly needsToken: boolean;
  /** True if publishing needs an API key, because at least one is configured. */
  readonly needsKey: boolean;
  /** An example event of the application, if it has one. */
  readonly example?: ExampleEvent | undefined;
}

const room = 'demo';

/** Returns the welcome text, with commands that work for these facts. */
export function welcomeText(facts: WelcomeFacts): string {
  const { url, adminUrl, example, needsToken, needsKey } = facts;
  const users = needsToken ? 'users need a token' : 'users need no token';
  const broker =
    facts.brokerKind === 'redis'
      ? 'Redis (MILLRACE_REDIS_URL)'
      : 'in memory, this process only (set MILLRACE_REDIS_URL for Redis)';
  const token = needsToken ? ' --token "$TOKEN"' : '';
  return [
    '',
    `  Millrace is running at ${url}`,
    `  Mode:    development: rooms are open, ${users}, loopback only`,
    `  Broker:  ${broker}`,
    `  Events:  ${typesText(facts.catalog)}`,
    ...(adminUrl === undefined ? [] : [`  Admin:   ${adminUrl} (/metrics, /readyz)`]),
    '',
    ...(example === undefined
      ? []
      : [`  Open ${url}. ${example.says}:`, '', `  ${curlLine(url, example.event, needsKey)}`, '']),
    '  See events arrive, in a second terminal, in this folder:',
    '',
    ...(needsToken
      ? [`  TOKEN=$(npx --no millrace token --sub ana --rooms ${room})   # with MILLRACE_JWT_SECRET`]
      : []),
    `  npx --no millrace tail --room ${room} --url ${url}${token}`,
    '',
    ...publishText(facts),
    '  Ctrl+C stops the gateway.',
    '',
  ].join('\n');
}

/** The number of types that are named. */
const maxNamed = 6;

function typesText({ eventTypes }: AnyCatalog): string {
  const names = eventTypes.slice(0, maxNamed).map(({ name }) => name);
  const more = eventTypes.length > maxNamed ? `, and ${eventTypes.length - maxNamed} more` : '';
  return `${names.join(', ')}${more}`;
}

function publishText({ url, catalog, needsKey }: WelcomeFacts): readonly string[] {
  const event = sampleEventOf(catalog, room);
  if (event === undefined) return [];
  const own = catalog === eventCatalog ? '' : ', of one of your types';
  return [
    `  Publish an event${own}, in a third:`,
    '',
    ...(needsKey ? ['  KEY=…   # one of MILLRACE_API_KEYS'] : []),
    `  ${curlLine(url, event, needsKey)}`,
    '',
  ];
}

function curlLine(url: string, event: object, needsKey: boolean): string {
  // An apostrophe would end the argument in the shell.
  const body = JSON.stringify(event).replaceAll("'", '\\u0027');
  const key = needsKey ? ' -H "authorization: Bearer $KEY"' : '';
  return `curl -sS ${url}/v1/events${key} -H 'content-type: application/json' -d '${body}'`;
}

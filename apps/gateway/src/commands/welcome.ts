// The text that a gateway in development mode prints when it starts: its address, its mode, and commands to try it out.
import { randomUUID } from 'node:crypto';
import type { ExampleEvent } from '../extension.js';

/** Creates the text. The example event in the text has new random IDs. */
export function welcomeText(facts: {
  readonly url: string;
  readonly adminUrl?: string | undefined;
  readonly brokerKind: 'redis' | 'memory';
  /** An example event of the helpdesk demo, if the gateway serves the demo. */
  readonly example?: ExampleEvent | undefined;
}): string {
  const { url, adminUrl, example } = facts;
  const broker =
    facts.brokerKind === 'redis'
      ? 'Redis (MILLRACE_REDIS_URL)'
      : 'in memory, this process only (set MILLRACE_REDIS_URL for Redis)';
  const event = {
    event_type: 'chat_message',
    room_id: 'demo',
    payload: {
      id: randomUUID(),
      request_id: randomUUID(),
      content: 'Hello from curl',
      sequence_number: 1,
      is_screenshot: false,
      created_at: new Date().toISOString(),
    },
  };
  const desk =
    example === undefined
      ? []
      : [
          `  Open ${url}: a support desk, two people side by side. ${example.says}:`,
          '',
          `  ${curlLine(url, example.event)}`,
          '',
        ];
  return [
    '',
    `  Millrace is running at ${url}`,
    '  Mode:    development: rooms are open, users need no token, loopback only',
    `  Broker:  ${broker}`,
    ...(adminUrl === undefined ? [] : [`  Admin:   ${adminUrl} (/metrics, /readyz)`]),
    '',
    ...desk,
    '  See events arrive, in a second terminal, in this folder:',
    '',
    `  npx --no millrace tail --room demo --url ${url}`,
    '',
    '  Publish a chat message, in a third:',
    '',
    `  ${curlLine(url, event)}`,
    '',
  ].join('\n');
}

function curlLine(url: string, event: object): string {
  // An apostrophe would end the argument in the shell.
  const body = JSON.stringify(event).replaceAll("'", '\\u0027');
  return `curl -sS ${url}/v1/events -H 'content-type: application/json' -d '${body}'`;
}

// What development mode prints: where it is, what mode it is in, and two lines to paste that show it work.
import { randomUUID } from 'node:crypto';

/** The text, with fresh IDs. */
export function welcomeText(facts: {
  readonly url: string;
  readonly brokerKind: 'redis' | 'memory';
  readonly hasDemo: boolean;
}): string {
  const broker =
    facts.brokerKind === 'redis'
      ? 'Redis (MILLRACE_REDIS_URL)'
      : 'in memory, this process only (set MILLRACE_REDIS_URL for Redis)';
  const event = JSON.stringify({
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
  });
  return [
    '',
    `  Millrace is running at ${facts.url}`,
    '  Mode:    development: rooms are open, users need no token, loopback only',
    `  Broker:  ${broker}`,
    '',
    ...(facts.hasDemo ? [`  Open ${facts.url}: a support desk, two people side by side.`, ''] : []),
    '  See events arrive, in a second terminal, in this folder:',
    '',
    `  npx --no millrace tail --room demo --url ${facts.url}`,
    '',
    '  Publish a chat message, in a third:',
    '',
    `  curl -sS ${facts.url}/v1/events -H 'content-type: application/json' -d '${event}'`,
    '',
  ].join('\n');
}

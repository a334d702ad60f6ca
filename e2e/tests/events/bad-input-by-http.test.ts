// Invalid input over HTTP. The answer is a problem document that names the fault and its path. No event of the request is
// published.
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { badEvents, canary } from '../../fixtures/events/bad-events.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { postEvents, refusal, statusOf } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { apiKey, jwtSecret } from '../../fixtures/http/tokens.js';
import {
  assertGoodEventsArrive,
  securedRoom,
  sharedSecuredSystem,
} from '../../fixtures/systems/secured-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const bad = badEvents(securedRoom).map(({ what, path, event }) => [what, path, event] as const);
const system = sharedSecuredSystem();

test.each(bad)(
  'an event with %s is refused with a problem document that names %s',
  async (_, path, event) => {
    const problem = await refusal(system().gateway.url, event, { key: apiKey });
    expect(problem).toMatchObject({
      status: 422,
      code: 'invalid_event',
      title: expect.stringMatching(/\w/),
    });
    expect(problem.errors).toContainEqual({
      index: 0,
      path,
      rule: expect.stringMatching(/\w/),
      message: expect.stringContaining(path),
    });
    expect(JSON.stringify(problem)).not.toContain(canary);
  },
);

test('a list with one invalid event is refused as a whole, with that event’s index', async () => {
  const good = [notification(securedRoom, 'a'), notification(securedRoom, 'b')] as const;
  const list = [good[0], good[1], { ...notification(securedRoom, 'c'), event_type: 'nope' }];
  const problem = await refusal(system().gateway.url, list, { key: apiKey });
  expect(problem.errors).toMatchObject([{ index: 2, path: '/event_type' }]);
  await assertGoodEventsArrive(system());
  expect(system().client.ids).not.toContain(good[0].event_id);
  expect(system().client.ids).not.toContain(good[1].event_id);
});

test.each(['{broken', '', '{"event_type":"notification"', '[1,]', '\u0000', '['.repeat(200_000)])(
  'a body that is not JSON (%#) is refused with the code invalid_json',
  async (body) => {
    const problem = await refusal(system().gateway.url, body, { key: apiKey });
    expect(problem).toMatchObject({ status: 400, code: 'invalid_json' });
  },
);

test.each(['null', '7', '"text"', '[]', '[[]]', '{}', '[null]'])(
  'the body %s is refused because it is JSON but not an event',
  async (body) => {
    const problem = await refusal(system().gateway.url, body, { key: apiKey });
    expect(problem).toMatchObject({ status: 422, code: 'invalid_event' });
  },
);

test('the refusal of an unknown event type lists the known types', async () => {
  const event = { ...notification(securedRoom, 'x'), event_type: 'chat_mesage' };
  const problem = await refusal(system().gateway.url, event, { key: apiKey });
  expect(problem.detail).toMatch(/one of chat_message, .*remote_session_end/);
  expect(problem.detail).not.toContain('chat_mesage');
});

test('a body of 2 MB is refused with 413', async () => {
  const problem = await refusal(system().gateway.url, notification(securedRoom, 'x'.repeat(2_000_000)), {
    key: apiKey,
  });
  expect(problem.status).toBe(413);
});

test('a payload of 500,000 characters is either delivered or refused', async () => {
  const event = notification(securedRoom, 'x'.repeat(500_000));
  const answer = await postEvents(system().gateway.url, event, { key: apiKey });
  if (answer.status === 201)
    await system().client.event((delivered) => delivered.event_id === event.event_id);
  else expect([413, 422]).toContain(answer.status);
});

test.each(['gzip', 'br', 'GZIP', 'identity, gzip', 'nonsense'])(
  'a body in the encoding %s is refused with 415 and the reason',
  async (encoding) => {
    const body = gzipSync(JSON.stringify(notification(securedRoom, 'small')));
    const response = await fetch(`${system().gateway.url}/v1/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-encoding': encoding,
        authorization: `Bearer ${apiKey}`,
      },
      body,
    });
    expect(response.status).toBe(415);
    expect(response.headers.get('accept-encoding')).toBe('identity');
    expect(await response.json()).toMatchObject({
      code: 'unsupported_encoding',
      detail: expect.stringContaining('Content-Encoding'),
    });
  },
);

test('refused requests are counted in the metrics by their codes', async () => {
  const { url } = system().gateway;
  const counted = (labels: Readonly<Record<string, string>>) =>
    readMetric(url, 'http_refusals_total', labels);
  const [keys, paths, hubs] = [
    await counted({ at: 'api', code: 'unauthorized' }),
    await counted({ at: 'api', code: 'not_found' }),
    await counted({ at: 'hub', code: 'unauthorized' }),
  ];
  const event = notification(securedRoom, 'good');
  await refusal(url, event, { key: 'wrong' });
  expect(await statusOf(`${url}/nowhere`)).toBe(404);
  const negotiation = await fetch(`${url}/hubs/events/negotiate?negotiateVersion=1`, { method: 'POST' });
  expect(negotiation.status).toBe(401);
  await postEvents(url, event, { key: apiKey });
  // The gateway counts a refusal after it has sent the answer.
  await eventually(async () => {
    expect(await counted({ at: 'api', code: 'unauthorized' })).toBe(keys + 1);
    expect(await counted({ at: 'api', code: 'not_found' })).toBe(paths + 1);
    expect(await counted({ at: 'hub', code: 'unauthorized' })).toBe(hubs + 1);
  });
});

test('a body whose content type is not JSON is refused with 415', async () => {
  const text = JSON.stringify(notification(securedRoom, 'text'));
  const problem = await refusal(system().gateway.url, text, { key: apiKey, contentType: 'text/plain' });
  expect(problem.status).toBe(415);
});

test.each([
  ['no key', {}],
  ['a wrong key', { key: 'a-wrong-key-of-the-same-length!' }],
  ['an empty key', { key: '' }],
  ['the beginning of the key', { key: apiKey.slice(0, -1) }],
  ['the key and more', { key: `${apiKey}x` }],
  ['the secret of the tokens', { key: jwtSecret }],
])('a request with %s is refused with 401, whatever its body', async (_, options) => {
  for (const body of [notification(securedRoom, canary), '{broken']) {
    const problem = await refusal(system().gateway.url, body, options);
    expect(problem.status).toBe(401);
    expect(problem.errors).toBeUndefined();
  }
});

test('a client’s token is not accepted as an API key', async () => {
  const problem = await refusal(system().gateway.url, notification(securedRoom, canary), {
    key: system().token,
  });
  expect(problem.status).toBe(401);
});

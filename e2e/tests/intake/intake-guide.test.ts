// The guide to intake rules shows an example module, and what becomes of its entries.
import { readFile } from 'node:fs/promises';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const example = `${repositoryPath}examples/intake/app.mjs`;

test('the guide shows the unchanged example modules and the output of check', async () => {
  const guide = await readFile(`${repositoryPath}docs/intake.md`, 'utf8');
  expect(guide).toContain(await readFile(example, 'utf8'));
  expect(guide).toContain(await readFile(`${repositoryPath}examples/intake/streams-by-pattern.mjs`, 'utf8'));
  await using check = CliProcess.millrace(['check', '--app', example]);
  expect(await check.exit()).toBe(0);
  const shown = /```text\n([\s\S]+?)```/.exec(guide)?.[1] ?? 'nothing';
  expect(check.output).toContain(shown.trim());
});

test('a client receives what a program wrote in the forms of the example', async () => {
  await using redis = await startRedis();
  await using gateway = await GatewayProcess.start({ MILLRACE_APP: example, MILLRACE_REDIS_URL: redis.url });
  const connection = new HubConnectionBuilder()
    .withUrl(`${gateway.url}/hubs/events`)
    .configureLogging(LogLevel.None)
    .build();
  const next = (target: string) =>
    new Promise<{ readonly payload: object; readonly timestamp: string }>((resolve) => {
      connection.on(target, resolve);
    });
  const received = Promise.all([next('chat_message'), next('notification')]);
  await connection.start();
  try {
    const requestId = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
    await connection.invoke('JoinRoom', `request-${requestId}`);
    await connection.invoke('JoinRoom', 'user:42');
    await xadd(redis, 'events:chat', {
      messageId: 'm-17',
      sentAt: '1768557600',
      channel: `request-${requestId}`,
      body: 'The printer is on fire',
      isScreenshot: 'True',
    });
    await xadd(redis, 'events:notification', { message: '{"UserId":"42","Method":"Ping"}' });
    await xadd(redis, 'events:notification', {
      message: '{"UserId":"42","Method":"Notify","Payload":{"Text":"Hello"}}',
    });
    const [chat, note] = await received;
    expect(chat).toMatchObject({
      timestamp: '2026-01-16T10:00:00.000Z',
      payload: { content: 'The printer is on fire', is_screenshot: true, request_id: requestId },
    });
    expect(note.payload).toEqual({ title: 'Hello', type: 'info' });
    await xadd(redis, 'events:notification', { message: '{"UserId":"42","Method":"Notify","Payload":7}' });
    await eventually(async () => expect(await redis.cli('XLEN', 'dead:{events:notification}')).toBe('1'));
    const environment = { MILLRACE_REDIS_URL: redis.url };
    await using list = CliProcess.millrace(['dead-letters', 'list', '--app', example], environment);
    expect(await list.exit()).toBe(0);
    expect(list.output).toMatch(/ notification +(?:user:)?42 +/);
  } finally {
    await connection.stop();
  }
});

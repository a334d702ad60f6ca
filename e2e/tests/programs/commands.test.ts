// The commands that a user types: start, stop, listen, publish, create a token.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { connect } from 'node:net';
import { freePort, startRedis } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { fullEvents, notification } from '../../fixtures/events/sample-events.js';
import { acceptEvents, postEvents, statusOf } from '../../fixtures/http/ingest.js';
import { apiKey, jwtSecret, normalMode } from '../../fixtures/http/tokens.js';
import {
  CliProcess,
  cliPath,
  type Environment,
  repositoryPath,
} from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

describe('the lines that a start in development mode prints', () => {
  test('npm start prints the address, the mode, and commands to listen and to publish that work when pasted', async () => {
    await using start = new CliProcess({
      file: 'npm',
      args: ['start'],
      environment: { MILLRACE_PORT: '0' },
      hasChildren: true,
    });
    for (const part of ['packages', 'pages of the helpdesk'])
      await start.line(new RegExp(`^Building the ${part} … done in \\d`));
    await start.line(/"msg":"listening"/);
    const address = (await start.line(/http:\/\/127\.0\.0\.1:\d+/))[0];
    await start.line(/development/i);
    const tailLine = (await start.line(/^\s*(npx (?:--no )?millrace tail .*)$/))[1] ?? '';
    const curlLine = (await start.line(/^\s*(curl .*"room_id":"demo".*)$/))[1] ?? '';
    const deskLine = (await start.line(/^\s*(curl .*user:.*)$/))[1] ?? '';
    expect(tailLine).toContain(address);
    expect(curlLine).toContain(address);
    await using tail = shell(asFound(tailLine));
    await tail.line(/listening/);
    await using curl = shell(curlLine);
    expect(await curl.exit()).toBe(0);
    expect(curl.output).toMatch(/"status":"stored"/);
    const title = /"title":"([^"]+)"/.exec(curlLine)?.[1] ?? 'no title';
    await tail.line(new RegExp(title));
    await using desk = shell(deskLine);
    expect(await desk.exit()).toBe(0);
    expect(desk.output).toMatch(/"status":"stored"/);
  });

  test('the output in a terminal contains no JSON log lines, and a warning is a readable line', async () => {
    await using start = CliProcess.atTerminal(['serve', '--dev'], { MILLRACE_PORT: '0' });
    await start.line(/^ +curl /);
    expect(start.lines.filter((line) => line.startsWith('{'))).toEqual([]);
    expect(start.output).toMatch(/^\d\d:\d\d:\d\d warn +development mode: every user and every room/m);
  });

  test('standard output without a terminal has only JSON lines, or only lines for people with MILLRACE_LOG_FORMAT=text', async () => {
    const line = `'${process.execPath}' '${cliPath}' serve --dev 2>/dev/null`;
    const start = (environment: Environment): CliProcess =>
      new CliProcess({
        file: 'sh',
        args: ['-c', line],
        environment: { MILLRACE_PORT: '0', ...environment },
        hasChildren: true,
      });
    await using json = start({});
    await using text = start({ MILLRACE_LOG_FORMAT: 'text' });
    await json.line(/"msg":"development mode/);
    expect(json.lines.filter((each) => !each.startsWith('{'))).toEqual([]);
    await text.line(/^ +curl /);
    expect(text.lines.filter((each) => each.startsWith('{'))).toEqual([]);
  });

  test('no secret is printed by a gateway outside development mode', async () => {
    await using gateway = await GatewayProcess.start(normalMode);
    for (const secret of [jwtSecret, apiKey]) expect(gateway.output).not.toContain(secret);
  });
});

describe('millrace tail and millrace token', () => {
  test('tail accepts a token from millrace token, prints whole events as JSON, and ends after --count events', async () => {
    await using gateway = await GatewayProcess.start(normalMode);
    const token = await makeToken(['--sub', randomUUID(), '--name', 'Ana', '--rooms', 'lobby,ticket-*']);
    await using client = await EventLog.inRoom(gateway.url, 'lobby', { token });
    await expect(client.join('elsewhere')).rejects.toThrow(/HubException/);
    const room = 'ticket-42';
    const events = fullEvents(room);
    await using tail = CliProcess.millrace([
      'tail',
      '--room',
      room,
      '--url',
      gateway.url,
      '--token',
      token,
      '--json',
      '--count',
      '9',
    ]);
    await tail.line(/listening/);
    await postEvents(gateway.url, events, { key: apiKey });
    expect(await tail.exit()).toBe(0);
    const printed = tail.lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { event_id: string });
    expect(printed).toHaveLength(9);
    for (const event of events) {
      expect(printed.find((candidate) => candidate.event_id === event.event_id)).toMatchObject(event);
    }
  });

  test('tail of user:me shows the events for the user of the token', async () => {
    await using gateway = await GatewayProcess.start(normalMode);
    const sub = randomUUID();
    const token = await makeToken(['--sub', sub]);
    await using tail = CliProcess.millrace([
      'tail',
      '--room',
      'user:me',
      '--url',
      gateway.url,
      '--token',
      token,
      '--count',
      '1',
    ]);
    await tail.line(/listening/);
    await postEvents(gateway.url, notification(`user:${sub}`, 'personal'), { key: apiKey });
    expect(await tail.exit()).toBe(0);
    expect(tail.output).toContain('personal');
  });

  test('a command that cannot work ends with code 1 and a line with the reason, without a stack', async () => {
    await using gateway = await GatewayProcess.start(normalMode);
    const token = await makeToken(['--sub', randomUUID(), '--rooms', 'lobby']);
    const nobody = `http://127.0.0.1:${await freePort()}`;
    await expectRefusal(['tail', '--room', 'lobby', '--url', gateway.url], /token/);
    await expectRefusal(['tail', '--room', 'lobby', '--url', gateway.url, '--token', `${token}x`], /token/);
    await expectRefusal(['tail', '--room', 'other', '--url', gateway.url, '--token', token], /room/);
    await expectRefusal(['tail', '--room', 'lobby', '--url', nobody], new RegExp(nobody));
    await expectRefusal(['tail', '--room', 'lobby', '--url', 'nonsense'], /nonsense|--url/);
    await expectRefusal(['tail', '--url', gateway.url], /--room/);
    await expectRefusal(['token', '--sub', 'ana'], /MILLRACE_JWT_SECRET/);
    // `millrace token` does not sign a token that the gateway would refuse.
    await expectRefusal(['token', '--sub', 'me'], /"me" cannot be a user/, normalMode);
    await expectRefusal(['token', '--sub', 'ana'], /32 bytes/, { MILLRACE_JWT_SECRET: 'short' });
  });

  test('tail continues without a gap after a lost connection, and reaches a gateway behind a path', async () => {
    const port = String(await freePort());
    await using redis = await startRedis();
    const environment = { MILLRACE_PORT: port, MILLRACE_REDIS_URL: redis.url };
    const first = await GatewayProcess.start(environment);
    await using tail = CliProcess.millrace(['tail', '--room', 'lobby', '--url', first.url, '--count', '3']);
    await tail.line(/listening to lobby/);
    await acceptEvents(first.url, notification('lobby', 'one'));
    await tail.line(/one/);
    await first.stop();
    await tail.line(/connection lost/);
    await using second = await GatewayProcess.start({
      ...environment,
      MILLRACE_PORT: String(await freePort()),
    });
    await acceptEvents(second.url, notification('lobby', 'while it was away'));
    await second.stop();
    await using third = await GatewayProcess.start(environment);
    await tail.line(/while it was away/);
    await acceptEvents(third.url, notification('lobby', 'three'));
    expect(await tail.exit()).toBe(0);
    await expectRefusal(['tail', '--room', 'lobby', '--url', `${third.url}/behind/a/path`], /404|path/);
  });
});

describe('a stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends the gateway with exit code 0 and closes the connections of clients',
    async (signal) => {
      await using gateway = await GatewayProcess.start();
      await using client = await EventLog.connect(gateway.url);
      const closed = new Promise<void>((resolve) => client.connection.onclose(() => resolve()));
      expect(await gateway.stop(signal)).toBe(0);
      await closed;
    },
  );

  test('a client that reconnects by itself is accepted by the next gateway, and misses no event', async () => {
    const port = String(await freePort());
    const first = await GatewayProcess.start({ MILLRACE_PORT: port });
    await using client = await EventLog.connect(first.url, { isReconnecting: true });
    const reconnecting = new Promise<void>((resolve) => client.connection.onreconnecting(() => resolve()));
    const reconnected = new Promise<void>((resolve) => client.connection.onreconnected(() => resolve()));
    await client.join('lobby');
    expect(await first.stop()).toBe(0);
    await reconnecting;
    await using second = await GatewayProcess.start({ MILLRACE_PORT: port });
    await reconnected;
    await client.join('lobby');
    const event = notification('lobby', 'after the restart');
    await acceptEvents(second.url, event);
    expect(await client.idsUpTo(event.event_id)).toEqual([event.event_id]);
  });

  test('events that wait in a window are published before the gateway ends', async () => {
    await using gateway = await GatewayProcess.start();
    await using ana = await EventLog.connectAs(gateway.url, randomUUID(), 'Ana');
    await using reader = await EventLog.connect(gateway.url);
    await Promise.all([ana.join('r'), reader.join('r')]);
    await ana.connection.invoke('SendTyping', 'r', true);
    expect(await gateway.stop()).toBe(0);
    expect((await reader.received(1)).map((event) => event.event_type)).toEqual(['typing_start']);
  });

  test('the gateway ends even if nobody reads its log', async () => {
    await using gateway = await GatewayProcess.start();
    gateway.child.stdout?.destroy();
    gateway.child.stderr?.destroy();
    expect(await gateway.stop()).toBe(0);
    // The log has lines for people here, and its reader ends after the first line.
    const port = String(await freePort());
    const line = `'${process.execPath}' '${cliPath}' serve --dev | head -1`;
    await using program = new CliProcess({
      file: 'bash',
      args: ['-c', line],
      environment: { MILLRACE_PORT: port, MILLRACE_LOG_FORMAT: 'text', MILLRACE_LOG_LEVEL: 'info' },
      hasChildren: true,
    });
    await eventually(async () => expect(await statusOf(`http://127.0.0.1:${port}/healthz`)).toBe(200));
    expect(program.lines).toEqual([expect.stringMatching(/broker state/)]);
  });

  test('an incomplete request, an idle socket and a keep-alive connection do not delay the gateway’s end', async () => {
    await using gateway = await GatewayProcess.start();
    const { hostname, port } = new URL(gateway.url);
    const sockets = [connect(Number(port), hostname), connect(Number(port), hostname)] as const;
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) socket.on('error', () => undefined);
    sockets[0].write(
      'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"event',
    );
    await eventually(async () => expect(await statusOf(`${gateway.url}/healthz`)).toBe(200));
    expect(await gateway.stop()).toBe(0);
    for (const socket of sockets) socket.destroy();
  });
});

test('the gateway answers /healthz and /readyz with 200 while it runs', async () => {
  await using gateway = await GatewayProcess.start();
  expect(await statusOf(`${gateway.url}/healthz`)).toBe(200);
  await eventually(async () => expect(await statusOf(`${gateway.url}/readyz`)).toBe(200));
});

function shell(line: string): CliProcess {
  return new CliProcess({ file: 'bash', args: ['-c', line], hasChildren: true });
}

/**
 * Returns the printed command line. `npm ci` creates the link `millrace` in node_modules/.bin. In a checkout without it,
 * returns a line that works without the link.
 */
function asFound(line: string): string {
  return isLinked() ? line : line.replace(/^npx (--no )?millrace/, `"${process.execPath}" "${cliPath}"`);
}

function isLinked(): boolean {
  try {
    return realpathSync(`${repositoryPath}node_modules/.bin/millrace`) === realpathSync(cliPath);
  } catch {
    // The link does not exist.
    return false;
  }
}

async function makeToken(args: readonly string[]): Promise<string> {
  const environment = { ...process.env, MILLRACE_JWT_SECRET: jwtSecret };
  return execFileSync(process.execPath, [cliPath, 'token', ...args], {
    env: environment,
    encoding: 'utf8',
  }).trim();
}

async function expectRefusal(
  args: readonly string[],
  pattern: RegExp,
  environment: Environment = {},
): Promise<void> {
  await using program = CliProcess.millrace(args, environment);
  expect({ args, code: await program.exit(), output: program.output }).toMatchObject({
    args,
    code: 1,
    output: expect.stringMatching(pattern),
  });
  expect(program.output).not.toMatch(/^\s+at .+:\d+:\d+/m);
}

test('millrace erase names the cause when no gateway answers at its address', async () => {
  await using redis = await startRedis();
  const port = await freePort();
  for (const [url, message] of [
    [
      `http://127.0.0.1:${port}`,
      /nothing listens on http:\/\/127\.0\.0\.1:\d+; start the gateway, or give its address with --url/,
    ],
    [`http://127.0.0.1:${redis.port}`, /does not answer as a gateway \(\w+\); check --url/],
  ] as const) {
    await using erase = CliProcess.millrace(['erase', '--room', 'a', '--url', url]);
    expect(await erase.exit()).toBe(1);
    expect(erase.lines.at(-1)).toMatch(message);
  }
});

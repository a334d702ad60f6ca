// Secrets and API keys change while clients are connected and backends publish. Nobody is refused, and no connection ends.
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpTransportType } from '@microsoft/signalr';
import { afterAll, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { postEvents, refusal } from '../../fixtures/http/ingest.js';
import { signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const folder = mkdtempSync(join(tmpdir(), 'rotation-'));
afterAll(() => rmSync(folder, { recursive: true }));

const secrets = [
  'the-first-secret-of-more-than-32-bytes',
  'the-second-secret-of-more-than-32-bytes',
] as const;
const keys = ['the-first-api-key-0123456789', 'the-second-api-key-0123456789'] as const;
// Long polling is left out. The gateway authenticates each poll, but the official client always sends its first token. The
// secret may change only after that token has expired.
const transports = [HttpTransportType.WebSockets, HttpTransportType.ServerSentEvents];

/** A gateway that reads its secrets and API keys from files. */
class RotatingGateway implements AsyncDisposable {
  readonly process: GatewayProcess;
  readonly #files: { readonly secrets: string; readonly keys: string };

  private constructor(gateway: GatewayProcess, files: { readonly secrets: string; readonly keys: string }) {
    this.process = gateway;
    this.#files = files;
  }

  static async start(accepted: { secrets: readonly string[]; keys: string }): Promise<RotatingGateway> {
    const name = randomUUID();
    const files = { secrets: join(folder, `${name}-secrets`), keys: join(folder, `${name}-keys`) };
    write(files, accepted);
    const gateway = await GatewayProcess.start({
      MILLRACE_DEV: '0',
      MILLRACE_JWT_SECRETS_FILE: files.secrets,
      MILLRACE_API_KEYS_FILE: files.keys,
    });
    return new RotatingGateway(gateway, files);
  }

  /** Changes the files, and waits until the gateway has answered the signal in its log. */
  async reload(accepted: { secrets: readonly string[]; keys: string }): Promise<void> {
    write(this.#files, accepted);
    const answers = (): number =>
      this.process.lines.filter((line) => line.includes('"action":"reload_secrets"')).length;
    const before = answers();
    this.process.child.kill('SIGHUP');
    await eventually(() => expect(answers()).toBe(before + 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

function write(
  files: { readonly secrets: string; readonly keys: string },
  accepted: { secrets: readonly string[]; keys: string },
): void {
  writeFileSync(files.secrets, `${accepted.secrets.join('\n')}\n`);
  writeFileSync(files.keys, accepted.keys);
}

test('no client is refused, disconnected or misses an event when secrets and API keys change under load', async () => {
  await using gateway = await RotatingGateway.start({ secrets: secrets.slice(0, 1), keys: keys[0] });
  const { url } = gateway.process;
  const user = { sub: randomUUID(), name: 'Ana', rooms: ['r'] };
  const tokens = [await signToken(user, secrets[0]), await signToken(user, secrets[1])] as const;
  let current = 0;
  const clients = await Promise.all(
    transports.map((transport) =>
      EventLog.inRoom(url, 'r', { token: () => tokens[current] ?? '', transport }),
    ),
  );
  const closed: unknown[] = [];
  for (const client of clients) client.connection.onclose((error) => closed.push(error));
  const published: string[] = [];
  const publish = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const event = notification('r', 'rotation');
      const answer = await postEvents(url, event, { key: keys[current] ?? '' });
      expect(answer.status).toBe(201);
      published.push(event.event_id);
    }
  };
  await publish(50);
  // The gateway accepts both keys, then the backend changes its key, then the gateway forgets the old one.
  await Promise.all([gateway.reload({ secrets, keys: keys.join('\n') }), publish(50)]);
  current = 1;
  await Promise.all([
    publish(50),
    EventLog.inRoom(url, 'r', { token: tokens[1] }).then((client) => client[Symbol.asyncDispose]()),
  ]);
  await Promise.all([gateway.reload({ secrets: secrets.slice(1), keys: keys[1] }), publish(50)]);
  await publish(50);
  for (const client of clients) {
    await client.received(published.length);
    expect(client.events.map(({ event_id }) => event_id)).toEqual(published);
  }
  expect(closed).toEqual([]);
  await expect(EventLog.connect(url, { token: tokens[0] })).rejects.toThrow(/401/);
  expect(await refusal(url, notification('r', 'late'), { key: keys[0] })).toMatchObject({ status: 401 });
  for (const secret of [...secrets, ...keys]) expect(gateway.process.output).not.toContain(secret);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

test('a reload with a wrong file changes nothing, and the log says why', async () => {
  await using gateway = await RotatingGateway.start({ secrets: secrets.slice(0, 1), keys: keys[0] });
  gateway.process.mayLogErrors = true;
  await gateway.reload({ secrets: ['short'], keys: keys[1] });
  await gateway.process.line(/"outcome":"refused".*MILLRACE_JWT_SECRETS_FILE must have at least 32 bytes/);
  const { url } = gateway.process;
  expect((await postEvents(url, notification('r', 'a'), { key: keys[0] })).status).toBe(201);
  expect((await postEvents(url, notification('r', 'a'), { key: keys[1] })).status).toBe(401);
});

test('an API key with limits can publish only what it allows, and a hashed key is accepted', async () => {
  const sha256 = createHash('sha256').update(keys[1]).digest('hex');
  const limited = [
    { name: 'shop', key: keys[0], rooms: ['acme:*'], types: ['notification'] },
    { name: 'hashed', sha256 },
    { name: 'reader', key: 'a-key-that-only-reads-0123', scopes: ['read'] },
  ];
  await using gateway = await RotatingGateway.start({ secrets, keys: JSON.stringify(limited) });
  const { url } = gateway.process;
  const allowed = notification('acme:1', 'allowed');
  expect((await postEvents(url, allowed, { key: keys[0] })).status).toBe(201);
  expect((await postEvents(url, notification('other', 'x'), { key: keys[1] })).status).toBe(201);
  const problem = await refusal(url, [allowed, notification('other', 'x')], { key: keys[0] });
  expect(problem).toMatchObject({
    status: 403,
    code: 'forbidden',
    errors: [{ index: 1, path: '/room_id', rule: 'api_key' }],
  });
  const reader = { key: 'a-key-that-only-reads-0123' };
  expect(await refusal(url, allowed, reader)).toMatchObject({ status: 403, code: 'forbidden' });
  await gateway.process.line(/"apiKey":"shop".*was refused/);
  await gateway.process.line(/"apiKey":"reader".*was refused/);
});

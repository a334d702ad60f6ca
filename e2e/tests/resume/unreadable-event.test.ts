// A client that cannot read a replayed event skips it after some attempts. A client whose connections end for other reasons
// is never told to reload.
import { randomUUID } from 'node:crypto';
import { HttpTransportType, type IHubProtocol, type ILogger, JsonHubProtocol } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { startRedis } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { xaddAll } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** A hub protocol that cannot read one event, as a client's library may fail to. */
class Choking implements IHubProtocol {
  readonly #inner: IHubProtocol;

  constructor(inner: IHubProtocol) {
    this.#inner = inner;
  }

  get name() {
    return this.#inner.name;
  }

  get version() {
    return this.#inner.version;
  }

  get transferFormat() {
    return this.#inner.transferFormat;
  }

  parseMessages(input: string | ArrayBuffer, logger: ILogger) {
    const messages = this.#inner.parseMessages(input, logger);
    if (JSON.stringify(messages).includes('poison')) throw new Error('this cannot be read');
    return messages;
  }

  writeMessage(message: Parameters<IHubProtocol['writeMessage']>[0]) {
    return this.#inner.writeMessage(message);
  }
}

describe.each([
  ['MessagePack over WebSockets', () => new MessagePackHubProtocol(), HttpTransportType.WebSockets],
  ['JSON over server-sent events', () => new JsonHubProtocol(), HttpTransportType.ServerSentEvents],
])('%s', (_, createProtocol, transport) => {
  test('a client that cannot read an event is told to reload after five failed joins, then gets new events', async () => {
    await using redis = await startRedis();
    await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url, instance: 'gateway-1' });
    await using second = await EmbeddedGateway.start({ redisUrl: redis.url, instance: 'gateway-2' });
    const { url } = gateway;
    const roomId = randomUUID();
    const user = randomUUID();
    const protocol = new Choking(createProtocol());
    const connect = (round: number) =>
      EventLog.connect(round % 2 === 0 ? url : second.url, { transport, protocol, query: `?user=${user}` });
    const first = await connect(0);
    let position = (await first.join(roomId)).position;
    await first[Symbol.asyncDispose]();
    await using witness = await EventLog.inRoom(url, roomId);
    await xaddAll(redis, 'events:chat', [chatMessage(roomId, 'poison')]);
    await witness.received(1);

    const answers: boolean[] = [];
    for (let round = 0; answers.length === 0; round += 1) {
      expect(round).toBeLessThan(10);
      await using client = await connect(round);
      const isOver = new Promise<void>((resolve) => client.connection.onclose(() => resolve()));
      const answer = await client.join(roomId, position).catch(() => undefined);
      if (answer === undefined) {
        await isOver;
        // Waits until the gateway has noticed the end of the connection. A real client also waits before it
        // reconnects.
        await new Promise((resolve) => setTimeout(resolve, 300));
        continue;
      }
      // On a machine without free CPU time, a gateway may read the count too late, or notice the end of a connection too late to count it.
      expect(round).toBeGreaterThanOrEqual(5);
      answers.push(answer.recovered);
      position = answer.position;
      await xaddAll(redis, 'events:chat', [chatMessage(roomId, 'good')]);
      const [event] = await client.received(1);
      expect(event?.payload).toMatchObject({ content: 'good' });
    }
    expect(answers).toEqual([false]);
    // The new position is after the unreadable event.
    await using again = await connect(0);
    expect(await again.join(roomId, position)).toMatchObject({ recovered: true, replayed: 1 });
    // Another user still receives the event.
    await using other = await EventLog.connect(second.url);
    await eventually(async () =>
      expect(await other.join(roomId, position)).toMatchObject({ recovered: true }),
    );
  });
});

test('a healthy client whose connection breaks repeatedly gets its missed events every time', async () => {
  await using redis = await startRedis();
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url });
  const { url } = gateway;
  const roomId = randomUUID();
  const query = `?user=${randomUUID()}`;
  await using witness = await EventLog.connect(url);
  let { position } = await witness.join(roomId);
  const start = position;
  // The client makes progress in each round, so each replay begins with a different event.
  for (let round = 0; round < 8; round += 1) {
    await xaddAll(redis, 'events:chat', [chatMessage(roomId, `${round}`)]);
    await witness.received(round + 1);
    await using client = await EventLog.connect(url, { query });
    expect(await client.join(roomId, position)).toMatchObject({ recovered: true, replayed: 1 });
    position = client.events[0]?.position ?? '';
  }
  // Six tabs of one user that connect and disconnect together count as one round.
  for (let wave = 0; wave < 3; wave += 1) {
    const tabs = await Promise.all(Array.from({ length: 6 }, () => EventLog.connect(url, { query })));
    for (const tab of tabs)
      expect(await tab.join(roomId, start)).toMatchObject({ recovered: true, replayed: 8 });
    await Promise.all(tabs.map((tab) => tab[Symbol.asyncDispose]()));
  }
});

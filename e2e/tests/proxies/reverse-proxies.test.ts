// nginx and HAProxy, with the configurations of deploy/, in front of two gateways without sticky sessions.
import { HttpTransportType, HubConnectionState } from '@microsoft/signalr';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { startRecipe } from '../../fixtures/clients/resume-recipe.js';
import { StreamReader } from '../../fixtures/clients/stream-reader.js';
import { chatMessages, idsOf, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents, statusOf } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { isReady } from '../../fixtures/http/readiness.js';
import { startReverseProxy } from '../../fixtures/processes/reverse-proxy.js';
import { GatewayPair } from '../../fixtures/systems/gateway-pair.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;
const transports = [WebSockets, ServerSentEvents, LongPolling];
const roomId = 'ticket-42';

// Once a second, a gateway looks for connections to ping and polls to answer. With these intervals, it finds them each time. One second
// is about the same part of `idleMs` as the default intervals (15 and 25 s) are of the 60 s in the configurations.
const shortIntervals = { MILLRACE_KEEP_ALIVE_INTERVAL_MS: '100', MILLRACE_POLL_TIMEOUT_MS: '100' };
const idleMs = 3_000;

test('each event arrives at once over every transport and on an event stream behind nginx and HAProxy, and connections outlive the idle timeout of the proxy', async () => {
  await using pair = await GatewayPair.start({ MILLRACE_TRUSTED_PROXIES: 'loopback', ...shortIntervals });
  await using clients = new Resources();
  const logs: EventLog[] = [];
  const readers: StreamReader[] = [];
  const urls: string[] = [];
  for (const name of ['nginx', 'HAProxy'] as const) {
    const { url } = pair.use(await startReverseProxy(name, pair.urls, { idleMs }));
    urls.push(url);
    for (const transport of transports)
      logs.push(clients.use(await EventLog.inRoom(url, roomId, { transport })));
    readers.push(clients.use(await StreamReader.open(url, roomId)));
    // The longest token that a gateway accepts, in the query as browsers send it.
    expect(await statusOf(`${url}/healthz?access_token=${'t'.repeat(32_768)}`)).toBe(200);
    for (const path of ['/metrics', '/readyz']) expect(await statusOf(`${url}${path}`)).toBe(404);
  }
  const followers = [...logs, ...readers];
  const connectionIds = logs.map(({ connection }) => connection.connectionId);
  const sent: SampleEvent[] = [];
  // The next event is published only when everybody has the last one, so no event may wait in a buffer.
  const publishOneByOne = async (): Promise<void> => {
    for (const [at, event] of chatMessages(roomId, 6).entries()) {
      sent.push(event);
      await acceptEvents(urls[at % 2] ?? '', [event]);
      for (const follower of followers) await follower.idsUpTo(event.event_id);
    }
  };
  await publishOneByOne();
  const idleSinceMs = performance.now();
  await eventually(() => expect(performance.now() - idleSinceMs).toBeGreaterThan(1.5 * idleMs));
  await publishOneByOne();
  for (const { ids } of followers) expect(ids).toEqual(idsOf(sent));
  expect(logs.map(({ connection }) => connection.connectionId)).toEqual(connectionIds);
  for (const { connection } of logs) expect(connection.state).toBe(HubConnectionState.Connected);
  for (const { opened } of readers) expect(opened).toBe(1);
});

test('clients miss nothing behind nginx and HAProxy when a gateway stops or is killed, and no new client is refused', async () => {
  await using pair = await GatewayPair.start({
    MILLRACE_TRUSTED_PROXIES: 'loopback',
    MILLRACE_DRAIN_MS: '1500',
  });
  const [first, second] = pair.gateways;
  await using clients = new Resources();
  const followers: Follower[] = [];
  const readers: StreamReader[] = [];
  const urls: string[] = [];
  for (const name of ['nginx', 'HAProxy'] as const) {
    const { url } = pair.use(await startReverseProxy(name, pair.urls));
    urls.push(url);
    for (const transport of [...transports, ...transports])
      followers.push(clients.use(await Follower.join(url, transport)));
    readers.push(clients.use(await StreamReader.open(url, roomId, { isReconnecting: true })));
  }
  for (const { url } of [first, second])
    expect(await readMetric(url, 'signalr_server_active_connections')).toBeGreaterThan(3);
  const sent: SampleEvent[] = [];
  const publish = async (): Promise<void> => {
    for (const url of urls) {
      const events = chatMessages(roomId, 5);
      sent.push(...events);
      // A backend sends a request again if its connection ended with the gateway. The event IDs make the repeat harmless.
      await eventually(() => acceptEvents(url, events));
    }
  };
  await publish();

  const stopped = first.stop();
  await eventually(async () => expect(await isReady(first.url)).toBe(false));
  for (const url of urls) {
    for (const transport of [...transports, ...transports])
      clients.use(await EventLog.inRoom(url, roomId, { transport }));
    for (let count = 0; count < 4; count += 1) clients.use(await StreamReader.open(url, roomId));
  }
  await publish();
  expect(await isReady(first.url)).toBe(false);
  expect(await stopped).toBe(0);
  await pair.restart(first);

  await second.stop('SIGKILL');
  await publish();
  for (const client of [...followers, ...readers])
    await eventually(() => expect(client.ids).toEqual(idsOf(sent)));
  for (const { loads } of followers) expect(loads).toBe(1);
});

/** A client that reconnects and resumes by the README's recipe. */
class Follower implements AsyncDisposable {
  readonly ids: string[] = [];
  /** Number of times that it had to load the room: once at its first join, and again after a gap. */
  loads = 0;
  #stop = (): void => {};

  static async join(url: string, transport: HttpTransportType): Promise<Follower> {
    const follower = new Follower();
    const recipe = await startRecipe({
      url: `${url}/hubs/events`,
      handlers: { chat_message: ({ event_id }) => follower.ids.push(event_id) },
      reload: () => {
        follower.loads += 1;
      },
      http: { transport, logger: { log: () => {} } },
      retryMs: 50,
    });
    follower.#stop = () => recipe.stop();
    await recipe.join(roomId);
    return follower;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
  }
}

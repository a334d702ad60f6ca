/*
 * Metrics and spans as a real OpenTelemetry SDK collects them.
 */
import { trace } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { describe, expect, test, vi } from 'vitest';
import {
  type CloseReason,
  defineHub,
  HubError,
  measureSignalR,
  parseArguments,
  type SignalREvent,
  streamMethod,
} from '../../src/index.js';
import { meterHubs, traceHubs } from '../../src/opentelemetry.js';
import { startHost } from '../support/host.js';
import { openStream, post, send } from '../support/http-client.js';
import { call, connectRaw, HANDSHAKE, openRaw, RS } from '../support/raw-client.js';
import { setUpTracing } from '../support/tracing.js';

const hub = defineHub()({
  methods: {
    active: () => trace.getActiveSpan()?.spanContext().traceId,
    fail() {
      throw new HubError('told to the caller only');
    },
    count: streamMethod(parseArguments(), async function* () {
      yield 1;
      yield 2;
    }),
  },
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

describe('spans', () => {
  const { exporter, tracer } = setUpTracing();

  test('spans surround methods and hooks, and join the trace of the client', async () => {
    exporter.reset();
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      filters: [traceHubs(tracer)],
    });
    await using client = await openRaw(host);
    client.send(
      `{"type":1,"headers":{"traceparent":"00-${traceId}-${parentId}-01"},"invocationId":"1","target":"active","arguments":[]}${RS}`,
    );
    expect(await client.next()).toBe(`{"type":3,"invocationId":"1","result":"${traceId}"}`);
    client.send(call('fail', ['secret argument']));
    await client.next();
    client.send(`{"type":4,"invocationId":"2","target":"count","arguments":[]}${RS}`);
    for (let n = 0; n < 3; n += 1) await client.next();
    client.socket.close();
    await host.event('connection_closed');
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name, status }) => [name, status.code])).toEqual([
      ['/hub/OnConnectedAsync', 0],
      ['/hub/active', 0],
      ['/hub/fail', 2],
      ['/hub/count', 0],
      ['/hub/OnDisconnectedAsync', 0],
    ]);
    expect(spans[1]?.spanContext().traceId).toBe(traceId);
    expect(spans[1]?.parentSpanContext?.spanId).toBe(parentId);
    expect(spans[1]?.attributes).toEqual({
      'rpc.system': 'signalr',
      'rpc.service': '/hub',
      'rpc.method': 'active',
    });
    expect(JSON.stringify(spans.map(({ attributes, events }) => ({ attributes, events })))).not.toMatch(
      /secret|told/,
    );
  });
  test('spans record only the type of an error that a hook or a stream throws', async () => {
    exporter.reset();
    const failing = defineHub()({
      onConnected({ request }) {
        if (request.query.get('fails') === 'true') throw new RangeError('secret of connected');
      },
      onDisconnected() {
        throw new TypeError('secret of disconnected');
      },
      methods: {
        half: streamMethod(parseArguments(), async function* () {
          yield 1;
          throw new SyntaxError('secret of the stream');
        }),
      },
    });
    await using host = await startHost((server) => server.mapHub('/hub', failing), {
      filters: [traceHubs(tracer)],
    });
    await using refused = await connectRaw(host, '/hub?fails=true');
    refused.send(HANDSHAKE);
    await host.event('connection_closed');
    await using client = await openRaw(host);
    client.send(`{"type":4,"invocationId":"1","target":"half","arguments":[]}${RS}`);
    for (let n = 0; n < 2; n += 1) await client.next();
    client.socket.close();
    await expect.poll(() => exporter.getFinishedSpans().length).toBe(5);
    const spans = exporter.getFinishedSpans();
    expect(
      spans.map(({ name, status, attributes }) => [name, status.code, attributes['error.type']]),
    ).toEqual([
      ['/hub/OnConnectedAsync', 2, 'RangeError'],
      ['/hub/OnDisconnectedAsync', 2, 'TypeError'],
      ['/hub/OnConnectedAsync', 0, undefined],
      ['/hub/half', 2, 'SyntaxError'],
      ['/hub/OnDisconnectedAsync', 2, 'TypeError'],
    ]);
    expect(JSON.stringify(spans.map(({ attributes, events }) => ({ attributes, events })))).not.toContain(
      'secret',
    );
  });

  test('spans of streams also join the trace of the client, and an invalid trace context is ignored', async () => {
    exporter.reset();
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      filters: [traceHubs(tracer)],
    });
    await using client = await openRaw(host);
    client.send(
      `{"type":4,"headers":{"traceparent":"00-${traceId}-${parentId}-01","tracestate":"a=b"},"invocationId":"1","target":"count","arguments":[]}${RS}`,
    );
    for (let n = 0; n < 3; n += 1) await client.next();
    for (const traceparent of ['', 'nonsense', `00-${'0'.repeat(32)}-${parentId}-01`, `00-${traceId}`]) {
      const headers = { traceparent, constructor: 'x' };
      client.send(
        JSON.stringify({ type: 1, headers, invocationId: '2', target: 'active', arguments: [] }) + RS,
      );
      expect(await client.next()).toContain('"result":"');
    }
    const [, count, ...others] = exporter.getFinishedSpans();
    expect(count?.spanContext().traceId).toBe(traceId);
    expect(count?.spanContext().traceState?.serialize()).toBe('a=b');
    expect(count?.parentSpanContext?.spanId).toBe(parentId);
    expect(others).toHaveLength(4);
    for (const span of others) {
      expect(span.parentSpanContext).toBeUndefined();
      expect(span.spanContext().traceId).not.toBe(traceId);
    }
  });
});

class PulledReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

describe('metrics', () => {
  test('metrics have the same names and attributes as in ASP.NET Core', async () => {
    const reader = new PulledReader();
    const meters = new MeterProvider({ readers: [reader] });
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      onEvent: meterHubs(meters.getMeter('test')),
    });
    await using staying = await openRaw(host);
    await using leaving = await openRaw(host);
    host.clock.pass(3_000);
    leaving.socket.close();
    await host.event('connection_closed');
    const { resourceMetrics } = await reader.collect();
    const metrics = resourceMetrics.scopeMetrics[0]?.metrics ?? [];
    const [active, duration] = metrics;
    expect(active?.descriptor).toMatchObject({
      name: 'signalr.server.active_connections',
      unit: '{connection}',
    });
    expect(active?.dataPoints).toMatchObject([
      { value: 1, attributes: { 'signalr.transport': 'web_sockets' } },
    ]);
    expect(duration?.descriptor).toMatchObject({ name: 'signalr.server.connection.duration', unit: 's' });
    expect(duration?.dataPoints).toMatchObject([
      {
        value: { count: 1, sum: 3 },
        attributes: { 'signalr.transport': 'web_sockets', 'signalr.connection.status': 'normal_closure' },
      },
    ]);
    expect(staying.waiting).toEqual([]);
  });

  /** ASP.NET Core has only three statuses. Millrace's events distinguish all close reasons. */
  const statuses: Record<CloseReason, string> = {
    handler_failed: 'normal_closure',
    client_closed: 'normal_closure',
    client_error: 'normal_closure',
    aborted: 'normal_closure',
    connected_failed: 'normal_closure',
    malformed_message: 'normal_closure',
    message_too_big: 'normal_closure',
    client_timeout: 'timeout',
    transport_lost: 'timeout',
    send_timeout: 'timeout',
    slow_consumer: 'normal_closure',
    rate_limited: 'normal_closure',
    authentication_expired: 'normal_closure',
    server_closed: 'app_shutdown',
  };

  test.each(Object.entries(statuses) as [CloseReason, string][])(
    'the metrics of a connection with the close reason %s have the status %s',
    (reason, status) => {
      const seen: unknown[] = [];
      const listener = measureSignalR({
        add: () => {},
        record: (_name, _value, attributes) => seen.push(attributes),
      });
      const event: SignalREvent = {
        type: 'connection_closed',
        hub: '/hub',
        connectionId: 'c',
        userId: null,
        transport: 'LongPolling',
        reason,
        durationMs: 1,
        error: undefined,
      };
      listener(event);
      expect(seen).toEqual([{ 'signalr.connection.status': status, 'signalr.transport': 'long_polling' }]);
    },
  );
});

describe('tokens', () => {
  test('no event, span, metric, warning or console line contains a token', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const reader = new PulledReader();
    const meters = new MeterProvider({ readers: [reader] });
    const meter = meterHubs(meters.getMeter('test'));
    const said: unknown[] = [];
    const warn = (warning: Error): void => void said.push(warning);
    process.on('warning', warn);
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation((...args) => void said.push(args)),
    );
    const accessTokens = ['AccessTokenOfAnn', 'AccessTokenOfBob', 'AccessTokenOfNobody'];
    const connectionTokens: string[] = [];
    await using host = await startHost(
      (server) =>
        server.mapHub('/hub', hub, {
          enableAuthenticationRefresh: true,
          authenticate: ({ token }) =>
            token === null || token.endsWith('Nobody')
              ? undefined
              : { userId: token.slice(13), user: undefined },
        }),
      { filters: [traceHubs(provider.getTracer('test'))], onEvent: meter },
    );

    const negotiate = async (init: RequestInit, query = ''): Promise<string> => {
      const url = `${host.url}/hub/negotiate?negotiateVersion=1${query}`;
      const { connectionToken } = (await (await fetch(url, { method: 'POST', ...init })).json()) as {
        connectionToken: string;
      };
      connectionTokens.push(connectionToken);
      return `/hub?id=${connectionToken}`;
    };
    const ann = '&access_token=AccessTokenOfAnn';
    const bearer = { Authorization: 'Bearer AccessTokenOfAnn' };
    const misuse = `${call('nope')}${call('fail', ['x'], '2')}AccessTokenOfAnn${RS}`;

    const path = await negotiate({}, ann);
    await using client = await openRaw(host, path + ann);
    await send(`${host.url}${path}${ann}`, { method: 'DELETE' });
    await post(`${host.url}${path.replace('?', '/refresh?')}`, '', {
      Authorization: 'Bearer AccessTokenOfBob',
    });
    await post(`${host.url}${path.replace('?', '/refresh?')}`, '', bearer);
    client.send(misuse);
    await client.closed;

    const streamUrl = host.url + (await negotiate({ headers: bearer }));
    await using stream = await openStream(streamUrl + ann);
    await post(streamUrl, HANDSHAKE, bearer);
    await post(streamUrl, call('echo'), { Authorization: 'Bearer AccessTokenOfBob' });
    await post(streamUrl, misuse, bearer);
    await stream.ended;

    const pollUrl = host.url + (await negotiate({ headers: bearer }));
    await send(pollUrl, { headers: bearer });
    await post(pollUrl, HANDSHAKE, bearer);
    await send(`${pollUrl}&access_token=AccessTokenOfNobody`);
    await post(pollUrl, misuse, bearer);
    await send(pollUrl, { headers: bearer });
    await send(pollUrl, { headers: bearer });

    await fetch(`${host.url}/hub/negotiate?access_token=AccessTokenOfNobody`, { method: 'POST' });
    await send(`${host.url}/hub?id=${connectionTokens[0]}x${ann}`, { method: 'POST' });
    const refused = { Origin: 'https://elsewhere.example', ...bearer };
    await connectRaw(host, `/hub?x=1${ann}`, refused).catch(() => {});

    await expect.poll(() => host.events.filter(({ type }) => type === 'connection_closed')).toHaveLength(3);
    expect(new Set(host.events.map(({ type }) => type))).toEqual(
      new Set(['connection_opened', 'connection_closed', 'invocation_failed', 'request_refused']),
    );
    const spans = exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      status: span.status,
      attributes: span.attributes,
      events: span.events,
      links: span.links,
      resource: span.resource.attributes,
      scope: span.instrumentationScope,
    }));
    expect(spans).toHaveLength(9);
    const told = { events: host.events, spans, said, metrics: await reader.collect() };
    const text = JSON.stringify(told, (_key, value: unknown) =>
      value instanceof Error ? `${value.message} ${value.stack} ${String(value.cause)}` : value,
    );
    for (const token of [...accessTokens, ...connectionTokens]) expect(text).not.toContain(token);
    expect(connectionTokens).toHaveLength(3);
    process.off('warning', warn);
    for (const spy of spies) spy.mockRestore();
  });
});

/*
 * Metrics and spans as a real OpenTelemetry SDK collects them.
 */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  defineHub,
  HubError,
  measureSignalR,
  parseArguments,
  type SignalREvent,
  streamMethod,
} from '../src/index.js';
import { meterHubs, traceHubs } from '../src/opentelemetry.js';
import { startHost } from './support/host.js';
import { call, openRaw, RS } from './support/raw-client.js';

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
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  afterAll(() => {
    context.disable();
    propagation.disable();
  });

  test('stand around methods and hooks and join the trace of the client', async () => {
    exporter.reset();
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      filters: [traceHubs(provider.getTracer('test'))],
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
  test('have the names and attributes of ASP.NET Core', async () => {
    const reader = new PulledReader();
    const meters = new MeterProvider({ readers: [reader] });
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      onEvent: meterHubs(meters.getMeter('test')),
    });
    await using staying = await openRaw(host);
    await using leaving = await openRaw(host);
    host.clock.advance(3_000);
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

  test.each([
    ['client_closed', 'normal_closure'],
    ['client_timeout', 'timeout'],
    ['transport_lost', 'timeout'],
    ['server_closed', 'app_shutdown'],
  ] as const)('of a connection that ended by %s have the status %s', (reason, status) => {
    const seen: unknown[] = [];
    const listener = measureSignalR({
      add: () => {},
      record: (_name, _value, attributes) => seen.push(attributes['signalr.connection.status']),
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
    expect(seen).toEqual([status]);
  });
});

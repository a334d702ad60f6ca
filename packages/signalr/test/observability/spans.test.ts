/*
 * The parents and links of the spans of a connection that was opened while another span was active.
 */
import { context, trace } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { defineHub } from '../../src/index.js';
import { traceHubs } from '../../src/opentelemetry.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';
import { setUpTracing } from '../support/tracing.js';

const { exporter, tracer } = setUpTracing();

const hub = defineHub()({
  methods: {
    echo: (_context, value) => value,
    inner: () => tracer.startSpan('inner').end(),
  },
});

function start(): Promise<Host> {
  exporter.reset();
  return startHost((server) => server.mapHub('/hub', hub), { filters: [traceHubs(tracer)] });
}

/**
 * Makes a span active while the HTTP server handles requests, as instrumentation of HTTP does. Returns the context of the
 * span.
 */
function spanAround(host: Host) {
  const span = tracer.startSpan('GET /hub');
  const emit = host.http.emit.bind(host.http);
  host.http.emit = (event: string, ...args: unknown[]) =>
    context.with(trace.setSpan(context.active(), span), () => emit(event, ...args));
  return span.spanContext();
}

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

describe('spans of a connection that was opened inside of a span', () => {
  test('the span of the opening request is the parent of hook spans, and call spans only link to it', async () => {
    await using host = await start();
    const request = spanAround(host);
    await using client = await openRaw(host);
    client.send(call('echo', [1], '1') + call('inner', [], '2'));
    client.send(
      `{"type":1,"headers":{"traceparent":"00-${traceId}-${parentId}-01"},"invocationId":"3","target":"echo","arguments":[3]}${RS}`,
    );
    for (let n = 0; n < 3; n += 1) await client.next();
    client.socket.close();
    await host.event('connection_closed');

    const spans = exporter.getFinishedSpans();
    const [connected, echo, inner, outer, joined, disconnected] = spans;
    expect(spans.map(({ name }) => name)).toEqual([
      '/hub/OnConnectedAsync',
      '/hub/echo',
      'inner',
      '/hub/inner',
      '/hub/echo',
      '/hub/OnDisconnectedAsync',
    ]);
    for (const hook of [connected, disconnected]) {
      expect(hook?.parentSpanContext?.spanId).toBe(request.spanId);
      expect(hook?.links).toEqual([]);
    }
    for (const own of [echo, outer]) {
      expect(own?.parentSpanContext).toBeUndefined();
      expect(own?.spanContext().traceId).not.toBe(request.traceId);
    }
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(joined?.parentSpanContext?.spanId).toBe(parentId);
    expect(joined?.spanContext().traceId).toBe(traceId);
    for (const linked of [echo, outer, joined]) {
      expect(linked?.links.map((link) => link.context.spanId)).toEqual([request.spanId]);
    }
  });
});

/*
 * `@millrace/signalr/opentelemetry`: metrics, and spans around hub methods. The spans continue the trace of the client's message.
 * `@opentelemetry/api` is an optional peer dependency: only this file imports it.
 */

import type { Context, Meter, Span, SpanContext, Tracer } from '@opentelemetry/api';
import {
  context as activeContext,
  isSpanContextValid,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { SignalREventListener } from '../events.js';
import type { HubContext } from '../hub/hub-context.js';
import type { HubFilter } from '../hub/hub-filter.js';
import { measureSignalR, SIGNALR_METRICS } from './metrics.js';

/** The name of the `ActivitySource` of ASP.NET Core SignalR. */
const SOURCE = 'Microsoft.AspNetCore.SignalR.Server';

type AnyContext = HubContext<unknown, unknown, unknown>;

/**
 * Creates a filter that makes one span of kind server for each call of a method, of `onConnected` and of `onDisconnected`.
 * The span is named `{path of the hub}/{method}` and has the attributes `rpc.system`, `rpc.service` and `rpc.method`. Spans
 * contain no arguments and no results. The span of a stream ends after the stream's last item.
 *
 * The parent of a method's span comes from the `traceparent` header of the client's message, which .NET clients send. Without
 * that header, the span begins a new trace. A method's span has a link to the span that was active when the connection was
 * opened. A hook's span has that active span as its parent.
 * @param tracer @defaultValue the global provider's tracer with ASP.NET Core's name
 * @beta
 */
export function traceHubs(tracer: Tracer = trace.getTracer(SOURCE)): HubFilter<AnyContext> {
  return {
    invoke({ context, method, headers }, next) {
      const active = activeContext.active();
      // The active span belongs to the request that opened the connection. As a parent, it would collect the calls of many
      // hours in one trace.
      const parent = propagation.extract(trace.deleteSpan(active), headers);
      const opener = trace.getSpanContext(active);
      return inSpan(start(tracer, { context, method, parent, opener }), parent, next);
    },
    async connected(context, next) {
      const parent = activeContext.active();
      await inSpan(start(tracer, { context, method: 'OnConnectedAsync', parent }), parent, next);
    },
    async disconnected(context, error, next) {
      const parent = activeContext.active();
      const span = start(tracer, { context, method: 'OnDisconnectedAsync', parent });
      if (error !== undefined) span.setAttribute('error.type', error.name);
      await inSpan(span, parent, next);
    },
  };
}

/** Creates a listener for `onEvent` that records the metrics of `measureSignalR` in a meter. @beta */
export function meterHubs(meter: Meter): SignalREventListener {
  const { activeConnections, connectionDuration } = SIGNALR_METRICS;
  const active = meter.createUpDownCounter(activeConnections.name, {
    unit: activeConnections.unit,
    description: activeConnections.description,
  });
  const duration = meter.createHistogram(connectionDuration.name, {
    unit: connectionDuration.unit,
    description: connectionDuration.description,
  });
  return measureSignalR({
    add: (_name, delta, attributes) => active.add(delta, attributes),
    record: (_name, value, attributes) => duration.record(value, attributes),
  });
}

function start(
  tracer: Tracer,
  call: {
    readonly context: AnyContext;
    readonly method: string;
    readonly parent: Context;
    readonly opener?: SpanContext | undefined;
  },
): Span {
  const { context, method, parent, opener } = call;
  const links = opener !== undefined && isSpanContextValid(opener) ? [{ context: opener }] : [];
  const attributes = { 'rpc.system': 'signalr', 'rpc.service': context.hub, 'rpc.method': method };
  return tracer.startSpan(`${context.hub}/${method}`, { kind: SpanKind.SERVER, attributes, links }, parent);
}

async function inSpan(span: Span, parent: Context, run: () => Promise<unknown>): Promise<unknown> {
  try {
    const result = await activeContext.with(trace.setSpan(parent, span), run);
    if (isAsyncIterable(result)) return streamInSpan(span, result);
    span.end();
    return result;
  } catch (error) {
    fail(span, error);
    span.end();
    throw error;
  }
}

async function* streamInSpan(span: Span, items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* items;
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Records only the type of the error, because the text of the error may contain confidential data. */
function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

// `POST /v1/events`: publishes events of a backend that does not use the library. The body is one event or a list. All events are
// checked before any is stored. A request may be repeated with the same event IDs.
import { randomUUID } from 'node:crypto';
import { BrokerError } from '@millrace/broker';
import {
  type AnyCatalog,
  broadcastRoomOf,
  ContractError,
  describeIssue,
  EVERYBODY_ROOM,
  type EventOf,
  itemTexts,
  type ParseFailure,
  type ReceivedEvent,
} from '@millrace/contract';
import {
  describeStoreFailure,
  type Publisher,
  PublisherError,
  type PublishResult,
} from '@millrace/publisher';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { KnownApiKey } from '../auth/api-keys.js';
import { type ApiKeyGuardOptions, checkApiKey, presentedKeyOf } from './api-key-guard.js';
import { type JsonBody, readJsonBody } from './json-body.js';
import { type ProblemError, sendProblem } from './problem.js';
import { noteAccepted, roomsOf, sendOverRate, type TenantLimits } from './tenant-limits.js';

/** Options and dependencies of the route. */
export interface IngestOptions extends ApiKeyGuardOptions {
  readonly catalog: AnyCatalog;
  readonly publisher: Publisher;
  readonly maxEventsPerRequest: number;
  /** `undefined` if rooms have no tenants. */
  readonly tenantLimits: TenantLimits | undefined;
}

/** The result for one event, as the answer contains it. */
interface IngestResult {
  readonly event_id: string;
  readonly status: 'stored' | 'coalesced';
  readonly entry_id?: string;
  readonly is_duplicate?: boolean;
}

/** Adds the route. It answers 201 if all events are stored, and 202 if at least one event waits in its coalescing window. */
export function addIngestRoute(app: FastifyInstance, options: IngestOptions): void {
  // The route has a scope of its own, so that the bodies of other routes are parsed as usual.
  void app.register(async (scope) => {
    scope.removeContentTypeParser('application/json');
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer' },
      async (_request: FastifyRequest, bytes: Buffer) => readJsonBody(bytes),
    );
    scope.post<{ Body: JsonBody | undefined }>('/v1/events', {
      // These checks run before the body is read. A client without a key therefore cannot make the gateway read a body.
      onRequest: [
        async (request, reply) => checkApiKey(request, reply, 'publish', options),
        async (request, reply) => checkTenantOfKey(request, reply, options),
        async (request, reply) => checkEncoding(request, reply),
      ],
      handler: async (request, reply) => ingest(request, reply, options),
    });
  });
}

/** Refuses a request if the tenant of its API key publishes too much. This does not need the body. */
async function checkTenantOfKey(
  request: FastifyRequest,
  reply: FastifyReply,
  { tenantLimits }: IngestOptions,
): Promise<void> {
  const tenant = presentedKeyOf(request)?.tenant;
  const over = tenant === undefined ? undefined : tenantLimits?.publishRate.checkTenant(tenant);
  if (over === undefined) return;
  tenantLimits?.onRefused();
  await sendOverRate(request, reply, over);
}

/** Refuses a compressed body with a clear error. The error would otherwise only say that the body is not JSON. */
async function checkEncoding(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return;
  const detail = 'Send the body as plain JSON, without Content-Encoding.';
  await sendProblem(reply, { status: 415, code: 'unsupported_encoding', detail });
}

const emptyList: ProblemError = {
  index: 0,
  path: '',
  rule: 'minItems',
  message: 'The list is empty: it must have one event or more.',
};

const noBody: JsonBody = { value: undefined, text: '' };

async function ingest(
  request: FastifyRequest<{ Body: JsonBody | undefined }>,
  reply: FastifyReply,
  options: IngestOptions,
): Promise<void> {
  const { value, text } = request.body ?? noBody;
  const key = presentedKeyOf(request);
  const items = withinTenant(Array.isArray(value) ? value : [value], key);
  if (items.length > options.maxEventsPerRequest) {
    const detail = `One request may carry at most ${options.maxEventsPerRequest} events.`;
    return sendProblem(reply, { status: 413, code: 'too_many_events', detail });
  }
  if (items.length === 0) return sendInvalid(reply, [emptyList]);
  const { tenantLimits } = options;
  // This check needs only the rooms, so a request over a budget costs no validation. The code from here to the publishing
  // runs in one turn of the event loop. No other request can therefore use the same budget.
  const rooms = tenantLimits === undefined ? [] : roomsOf(items);
  const over = tenantLimits?.publishRate.check(rooms);
  if (over !== undefined) {
    tenantLimits?.onRefused();
    return sendOverRate(request, reply, over);
  }
  const texts = Array.isArray(value) ? itemTexts(text) : [text];
  const { events, errors } = parseAll(items, texts, options.catalog);
  if (errors.length > 0) return sendInvalid(reply, errors);
  const forbidden = key === undefined ? [] : forbiddenEvents(events, key, tenantLimits);
  if (key !== undefined && forbidden.length > 0) {
    options.onForbidden(key.name);
    const detail = `Nothing was published. ${forbidden[0]?.message ?? ''}`;
    return sendProblem(reply, { status: 403, code: 'forbidden', detail, errors: forbidden });
  }
  tenantLimits?.publishRate.take(rooms);
  if (tenantLimits !== undefined) noteAccepted(request);
  try {
    const results = (await options.publisher.publishWritten(events)).map(toIngestResult);
    const status = results.every((result) => result.status === 'stored') ? 201 : 202;
    await reply.code(status).send(Array.isArray(value) ? { results } : results[0]);
  } catch (error) {
    if (error instanceof PublisherError) return sendUnavailable(reply, error, events);
    if (error instanceof ContractError) return sendInvalid(reply, tooLargeWithCount(events, options.catalog));
    throw error;
  }
}

type WrittenEvent = ReceivedEvent<EventOf<AnyCatalog>>;

/** @param texts the JSON texts of the items, in the same order */
function parseAll(
  items: readonly unknown[],
  texts: readonly string[],
  catalog: AnyCatalog,
): { events: WrittenEvent[]; errors: ProblemError[] } {
  const events: WrittenEvent[] = [];
  const errors: ProblemError[] = [];
  const timestamp = new Date().toISOString();
  items.forEach((item, index) => {
    const parsed = catalog.parseWritten(withDefaults(item, timestamp), texts[index] ?? '');
    if (parsed.ok) events.push(parsed.value);
    else errors.push(...toProblemErrors(parsed, index));
  });
  return { events, errors };
}

/** Finds the events that an API key may not publish. */
function forbiddenEvents(
  events: readonly WrittenEvent[],
  key: KnownApiKey,
  tenantLimits: TenantLimits | undefined,
): readonly ProblemError[] {
  return events.flatMap(({ event }, index) => {
    const { tenant } = key;
    const isForeign = tenant !== undefined && tenantLimits?.tenants.of(event.room_id) !== tenant;
    const field = isForeign ? 'room_id' : key.forbiddenField(event);
    if (field === undefined) return [];
    const what = field === 'room_id' ? 'into this room' : 'events of this type';
    return [{ index, path: `/${field}`, rule: 'api_key', message: `This API key may not publish ${what}.` }];
  });
}

/** For the key of a tenant, `*` means everybody of this tenant. */
function withinTenant(items: readonly unknown[], key: KnownApiKey | undefined): readonly unknown[] {
  const tenant = key?.tenant;
  if (tenant === undefined) return items;
  return items.map((item) =>
    typeof item === 'object' && item !== null && 'room_id' in item && item.room_id === EVERYBODY_ROOM
      ? { ...item, room_id: broadcastRoomOf(tenant) }
      : item,
  );
}

/** Adds the ID and the timestamp of an event if the caller left them out. */
function withDefaults(item: unknown, timestamp: string): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  return { event_id: randomUUID(), timestamp, ...item };
}

function toProblemErrors(failure: ParseFailure, index: number): readonly ProblemError[] {
  return failure.issues.map((issue) => ({
    index,
    path: issue.path,
    rule: issue.rule,
    message: describeIssue(issue, failure.eventType),
  }));
}

/**
 * Finds valid events that are too large to be coalesced. A coalesced event must fit even with the largest `coalesced_count`.
 */
function tooLargeWithCount(events: readonly WrittenEvent[], catalog: AnyCatalog): readonly ProblemError[] {
  return events.flatMap(({ event, declaration, payloadText }, index) => {
    if (declaration.coalescing === undefined) return [];
    const metadata = { ...event.metadata, coalesced_count: Number.MAX_SAFE_INTEGER };
    try {
      catalog.encodeEntry({ ...event, metadata }, { payloadText });
      return [];
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      return toProblemErrors({ ok: false, issues: error.issues }, index);
    }
  });
}

async function sendInvalid(reply: FastifyReply, errors: readonly ProblemError[]): Promise<void> {
  const detail = `Nothing was published. ${errors[0]?.message ?? ''}`;
  await sendProblem(reply, { status: 422, code: 'invalid_event', detail, errors });
}

function toIngestResult(result: PublishResult): IngestResult {
  return result.status === 'coalesced'
    ? { event_id: result.eventId, status: 'coalesced' }
    : {
        event_id: result.eventId,
        status: 'stored',
        entry_id: result.entryId,
        is_duplicate: result.isDuplicate,
      };
}

async function sendUnavailable(
  reply: FastifyReply,
  error: PublisherError,
  events: readonly WrittenEvent[],
): Promise<void> {
  const { code, message } = error;
  const ids = events.slice(0, 3).map(({ event }) => event.event_id);
  const more = events.length > ids.length ? ', …' : '';
  const repeat = `Send the request again with the same event IDs (${ids.join(', ')}${more}).`;
  await sendProblem(reply, {
    status: 503,
    code: code === 'outbox_full' || code === 'stream_refused' ? code : 'broker_unavailable',
    detail:
      code === 'stream_refused'
        ? `${message} ${repeat}`
        : `${reasonOf(error)}Some events may not be stored. ${repeat}`,
    retryAfterSeconds: Math.ceil((error.retryAfterMs ?? 1_000) / 1000),
  });
}

/** Names the cause that somebody must remove: a store that is full does not recover by itself. */
function reasonOf({ cause }: PublisherError): string {
  const isFull = cause instanceof BrokerError && cause.code === 'out_of_memory';
  return isFull ? `${describeStoreFailure(cause)}. ` : '';
}

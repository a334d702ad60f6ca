// Makes the messages of a view for events: for a new event once for all of its receivers, and for an event of the replay ring once
// for all clients that come back.
import type { AnyCatalog, ReceivedEvent } from '@millrace/contract';
import { type PreparedCall, SharedCall, SignalRError } from '@millrace/signalr';
import { positionOf } from '../dispatch/event-text.js';
import { EVENT_ERASED } from '../erasure/erased-call.js';
import type { EventSource, ResolvedRule, ResolvedView } from './resolved-view.js';
import { ViewFault } from './returned-values.js';

/** A message for the members of a group. */
export interface FormedSend {
  /** The declared group, without the room. */
  readonly group: string;
  readonly call: SharedCall;
  /** A user whose connections do not receive the message. */
  readonly exceptUser: string | undefined;
  /** The ID of a connection that does not receive the message. */
  readonly exceptConnection: string | undefined;
}

/**
 * Reason why an event is not sent to the clients of a view. `threw`: a function of the view threw. `slow`: it took too long.
 * `invalid`: it returned something that cannot be sent.
 */
export type ViewRejection = 'threw' | 'slow' | 'invalid';

/** Dependencies of {@link EventForms}. */
export interface EventFormsDependencies {
  readonly catalog: AnyCatalog;
  /**
   * Maximum size of all messages for one event, as JSON. The queue of a client must take them at once. A client whose queue cannot would
   * be disconnected by this event each time that it comes back.
   */
  readonly maxBytes: number;
  /** Returns monotonic time in milliseconds. */
  monotonicMs(): number;
  /** Called for each event that is not sent to the clients of the view. */
  onRejected(eventType: string, reason: ViewRejection, fault: string): void;
}

/** Maximum time that the functions of a view may take for one event. They run between the events of all clients. */
export const MAX_RULE_MS = 5;
// A busy machine may interrupt a fast function for longer than it may take. Functions are pure, so they are called again. Only a
// function that is slow each time rejects its event.
const maxAttempts = 3;

const NONE: readonly FormedSend[] = [];

/** The messages of one view. Keeps those of an event as long as somebody holds the call that they were made from. */
export class EventForms {
  readonly #view: ResolvedView;
  readonly #dependencies: EventFormsDependencies;
  /** The messages of events of the replay ring. The ring bounds the calls that it holds. */
  readonly #replayed = new WeakMap<PreparedCall, readonly FormedSend[]>();
  /** Event types whose last event was rejected as slow. Their functions are called only once. Bounded by the catalog. */
  readonly #slowTypes = new Set<string>();

  constructor(view: ResolvedView, dependencies: EventFormsDependencies) {
    this.#view = view;
    this.#dependencies = dependencies;
  }

  /** True if the view may send messages for events of this type. */
  has(eventType: string): boolean {
    return this.#view.rules.has(eventType);
  }

  /** Makes the messages for an event. Returns none if the view has no rule for its type, or if the rule failed. */
  ofEvent(source: EventSource): readonly FormedSend[] {
    const { event_type: eventType } = source.received.event;
    const rule = this.#view.rules.get(eventType);
    if (rule === undefined) return NONE;
    try {
      const sends = rule.isComputed ? this.#timed(eventType, rule, source) : formed(rule, source);
      this.#check(sends, rule);
      return sends;
    } catch (error) {
      const { reason, fault } = faultOf(error);
      this.#dependencies.onRejected(eventType, reason, fault);
      return NONE;
    }
  }

  /**
   * Encodes the messages, so that one that cannot be written is found before any message of the event is sent. One payload fits into the
   * queue of a client in any case.
   * @throws ViewFault if a client could not be sent all messages, because they do not fit into its queue
   */
  #check(sends: readonly FormedSend[], { isComputed }: ResolvedRule): void {
    if (!isComputed && sends.length < 2) return;
    const { maxBytes } = this.#dependencies;
    const bytes = sends.reduce((sum, { call }) => sum + call.encode().length, 0);
    if (bytes > maxBytes)
      throw new ViewFault(
        `its messages have ${bytes} bytes, more than the ${maxBytes} that fit into the queue of a client (three quarters of MILLRACE_MAX_OUTBOUND_BYTES): send less, or let clients load it`,
      );
  }

  /** Makes the messages for a call of the replay ring: an event in the form that `prepareEvent` returns, or an erasure. */
  ofCall(call: PreparedCall): readonly FormedSend[] {
    const isErasure = call.target === EVENT_ERASED;
    if (!isErasure && !this.has(call.target)) return NONE;
    const known = this.#replayed.get(call);
    if (known !== undefined) return known;
    const sends = isErasure ? this.#erasure(call) : this.#replay(call);
    this.#replayed.set(call, sends);
    return sends;
  }

  #replay(call: PreparedCall): readonly FormedSend[] {
    const received = this.#read(call);
    if (received === undefined) return NONE;
    return this.ofEvent({
      received,
      position: () => positionOf(call.text) ?? '',
      eventText: () => call.text,
    });
  }

  /** An erasure concerns every group in its room. */
  #erasure({ text }: PreparedCall): readonly FormedSend[] {
    const { groups, notices } = this.#view;
    if (notices.erased === undefined) return NONE;
    const { room_id: room, event_id } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const call = new SharedCall(notices.erased, [{ room, event_id }]);
    return groups.map((group) => ({ group, call, exceptUser: undefined, exceptConnection: undefined }));
  }

  #read({ text }: PreparedCall): ReceivedEvent | undefined {
    const parsed = this.#dependencies.catalog.parseWritten(JSON.parse(text), text);
    return parsed.ok ? parsed.value : undefined;
  }

  #timed(eventType: string, rule: ResolvedRule, source: EventSource): readonly FormedSend[] {
    const { monotonicMs } = this.#dependencies;
    const attempts = this.#slowTypes.has(eventType) ? 1 : maxAttempts;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const startMs = monotonicMs();
      const sends = formed(rule, source);
      if (monotonicMs() - startMs > MAX_RULE_MS) continue;
      this.#slowTypes.delete(eventType);
      return sends;
    }
    this.#slowTypes.add(eventType);
    throw new SlowRule();
  }
}

/** Thrown when a rule takes too long each time. */
class SlowRule extends Error {
  override readonly message = `it took more than ${MAX_RULE_MS} ms`;
}

function formed(rule: ResolvedRule, source: EventSource): readonly FormedSend[] {
  return rule.make(source).map(({ group, method, arguments: args, exceptUser, exceptConnection }) => ({
    group,
    call: new SharedCall(method, args),
    exceptUser,
    exceptConnection,
  }));
}

/**
 * Describes a fault for the log and the metrics. The message of an error of the application is left out, because it may contain a part of
 * a payload.
 */
function faultOf(error: unknown): { readonly reason: ViewRejection; readonly fault: string } {
  try {
    if (error instanceof SlowRule) return { reason: 'slow', fault: error.message };
    if (error instanceof ViewFault || error instanceof SignalRError)
      return { reason: 'invalid', fault: error.message };
    if (!(error instanceof Error))
      return { reason: 'threw', fault: 'it threw something that is not an error' };
    const place = /^ {4}(at .*)$/m.exec(error.stack ?? '')?.[1] ?? '';
    return { reason: 'threw', fault: `${error.name} ${place}`.trim() };
  } catch {
    // The thrown value is a proxy or has a getter that throws.
    return { reason: 'threw', fault: 'it threw something that cannot be read' };
  }
}

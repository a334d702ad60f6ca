// Delivers the messages of the hub to the handlers: finds the room, restores the order, drops repeats.
import { SeenIds } from '@millrace/internal';
import { ClientError, type ReportError } from '../client-error.js';
import type { ResolvedClientOptions } from '../client-options.js';
import type { ClientCounts } from '../client-state.js';
import type { Session } from '../rooms/session.js';
import type { UntypedRoom } from '../rooms/untyped-room.js';
import { type AnyEvent, readErased, readEvent, readNotice, readPosition } from './events.js';
import type { EventHandlers } from './handlers.js';

/** Dependencies of a {@link Delivery}. */
export interface DeliveryDependencies {
  readonly options: ResolvedClientOptions;
  readonly report: ReportError;
  /** The handlers for events of all rooms. They are called after the handlers of the event's own room. */
  readonly handlers: EventHandlers;
  /** Returns the room whose events have this room ID. */
  roomOf(roomId: string): UntypedRoom | undefined;
  /** Returns the session of the open connection, or `undefined` without a connection. */
  session(): Session | undefined;
  readonly resync: (room: UntypedRoom, reason: string) => void;
  erased(room: UntypedRoom, eventId: string): void;
  /** Called when the gateway has taken this user out of a room. */
  readonly removed: (room: UntypedRoom, reason: string) => void;
}

/** Receives the messages of all connections, one connection after the other. */
export class Delivery {
  readonly #dependencies: DeliveryDependencies;
  readonly #seenIds: SeenIds;
  readonly #counts = { delivered: 0, repeated: 0, ignored: 0 };

  constructor(dependencies: DeliveryDependencies) {
    this.#dependencies = dependencies;
    const { dedupeWindowMs: keepMs, maxDedupeIds: maxIds } = dependencies.options;
    this.#seenIds = new SeenIds({ keepMs, maxIds });
  }

  get counts(): ClientCounts {
    return { ...this.#counts };
  }

  /** True if an event with this ID was delivered lately. */
  hasReceived(eventId: string): boolean {
    return this.#seenIds.has(eventId, this.#dependencies.options.clock.monotonicMs());
  }

  onMessage(target: string, argument: unknown): void {
    if (target === 'position') this.#onPosition(argument);
    else if (target === 'resync') this.#onNotice(argument, this.#dependencies.resync);
    else if (target === 'presence') this.#onPresence(argument);
    else if (target === 'event_erased') this.#onErased(argument);
    else if (target === 'removed') this.#onNotice(argument, this.#dependencies.removed);
    else this.#onEvent(target, argument);
  }

  /** Delivers the held events of a room. Called when the order of the room's events is known. */
  release(room: UntypedRoom): void {
    for (const event of room.release()) this.#handle(room, event);
  }

  #onPosition(argument: unknown): void {
    const position = readPosition(argument);
    if (position !== undefined) this.#dependencies.session()?.seePosition(position);
  }

  #onNotice(argument: unknown, receive: (room: UntypedRoom, reason: string) => void): void {
    const notice = readNotice(argument);
    const room = notice && this.#dependencies.roomOf(notice.room_id);
    if (notice !== undefined && room !== undefined) receive(room, notice.reason);
  }

  #onPresence(argument: unknown): void {
    const notice = readNotice(argument);
    if (notice !== undefined) this.#dependencies.roomOf(notice.room_id)?.observePresence(argument);
  }

  /** An erasure has a place in the order of the events. An event that is held is dropped, and a later repeat of it is ignored. */
  #onErased(argument: unknown): void {
    const message = readErased(argument);
    const room = message && this.#dependencies.roomOf(message.room_id);
    if (message === undefined || room === undefined) return;
    this.#dependencies.session()?.seeEvent(room, message.position);
    this.#isFirst(message.event_id);
    this.#dependencies.erased(room, message.event_id);
  }

  #onEvent(target: string, argument: unknown): void {
    const event = readEvent(argument);
    if (event === undefined) {
      this.#dependencies.report(
        new ClientError('bad_message', `The gateway sent a ${target} that is not an event.`),
      );
      return;
    }
    const room = this.#dependencies.roomOf(event.room_id);
    if (room === undefined) {
      this.#counts.ignored++;
      return;
    }
    this.#dependencies.session()?.seeEvent(room, event.position);
    if (room.hold(event)) return;
    // The room does not hold events now, or its buffer is full.
    this.release(room);
    this.#handle(room, event);
  }

  #handle(room: UntypedRoom, event: AnyEvent): void {
    // A handler of an earlier event may have left the room.
    if (room.status === 'left') {
      this.#counts.ignored++;
    } else if (!this.#isFirst(event.event_id)) {
      this.#counts.repeated++;
    } else {
      this.#counts.delivered++;
      this.#observeIndicator(room, event);
      room.deliver(event);
      this.#dependencies.handlers.call(event);
    }
  }

  /**
   * Remembers an event. Returns true if it was not handled before. IDs need not be normalised, because gateways send each ID
   * in its normal form.
   */
  #isFirst(id: string): boolean {
    const timeMs = this.#dependencies.options.clock.monotonicMs();
    if (this.#seenIds.has(id, timeMs)) return false;
    this.#seenIds.add(id, timeMs);
    return true;
  }

  /**
   * Updates the indicators of a room. A rule of the application's catalog may fail, for example on a payload of a newer
   * catalog. The event is delivered anyway.
   */
  #observeIndicator(room: UntypedRoom, event: AnyEvent): void {
    try {
      room.observeIndicator(event);
    } catch (cause) {
      const message = `The indicator rule of ${event.event_type} cannot read its payload.`;
      this.#dependencies.report(new ClientError('bad_message', message, { cause }));
    }
  }
}

// Long polling of a room: an answer that waits for the next event. A waiting poll is a connection of the hub that ends with
// its first messages. The hub's limits, replay, order and drain therefore apply to it.
import { parsePosition } from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import { ListenerPoll } from '@millrace/signalr';
import type { FastifyReply } from 'fastify';
import { positionOf } from '../dispatch/event-text.js';
import type { Problem } from '../http/problem.js';
import type { EventsContext } from '../hub/events-context.js';
import type { EventsHub } from '../hub/events-hub.js';
import { pageItem } from '../replay/replay-page.js';
import { problemOfJoin, removedReader } from './failed-join.js';
import type { Reader } from './reader-admission.js';
import { pollEncoding, readPollMessage } from './reader-encodings.js';
import type { RoomPage, RoomReads } from './room-reads.js';

/** The page that a poll continues, and the limits of the answer. */
export interface PollOptions {
  /** The page without events that the poll continues. */
  readonly page: RoomPage;
  readonly limit: number;
  readonly waitMs: number;
}

/**
 * Waits at most `waitMs` for an event after `page.next`. Returns all events of the turn of the event loop in which the first
 * one came. Returns an empty page if no event came or the gateway stops.
 *
 * @throws the error of a defect, as a rejection
 */
export function waitForEvents(
  { listeners, reads }: { readonly listeners: EventsHub['listeners']; readonly reads: RoomReads },
  reader: Reader,
  { page, limit, waitMs }: PollOptions,
  reply: FastifyReply,
): Promise<RoomPage | Problem> {
  return new Promise((resolve, reject) => {
    const collected = new CollectedMessages(page, limit);
    let connectionId: string | undefined;
    const poll = new ListenerPoll(reply.raw, {
      onMessages: (messages) => collected.add(messages),
      onEnd: () => {
        cancelTimer();
        const present =
          connectionId === undefined ? undefined : reads.positionOfConnection(connectionId, reader);
        resolve(collected.answer(present));
      },
    });
    const cancelTimer = systemClock.startTimer(() => poll.close(), waitMs);
    reply.raw.once('close', () => {
      cancelTimer();
      resolve(page);
    });
    const onOpen = async (context: EventsContext): Promise<void> => {
      try {
        const joined = await context.items.join(context, reader.roomId, parsePosition(page.next));
        ({ connectionId } = context);
        if (joined.recovered) return;
        collected.lose(joined.position);
        poll.close();
      } catch (error) {
        cancelTimer();
        poll.release();
        const problem = problemOfJoin(error);
        if (problem === undefined) reject(error);
        else resolve(problem);
      }
    };
    listeners.open(reader.client, poll, { encoding: pollEncoding, onOpen });
  });
}

/** The messages that a waiting poll has received. Pure. */
export class CollectedMessages {
  readonly #before: RoomPage;
  readonly #limit: number;
  readonly #events: string[] = [];
  #next: string;
  #recovered: boolean;
  #isRemoved = false;
  #isResync = false;
  #hasMore = false;

  constructor(before: RoomPage, limit: number) {
    this.#before = before;
    this.#limit = limit;
    this.#next = before.next;
    this.#recovered = before.recovered;
  }

  /** Adds the messages of one turn. Returns true if the poll must be answered now: it has an event, or events are lost. */
  add(messages: readonly string[]): boolean {
    for (const message of messages) {
      const { target, text } = readPollMessage(message);
      if (target === 'removed') {
        this.#isRemoved = true;
        break;
      }
      if (target === 'resync') {
        this.#isResync = true;
        this.#recovered = false;
        continue;
      }
      if (target !== 'position') {
        this.#hasMore = this.#events.length >= this.#limit;
        // The other events follow in the answer to the next request.
        if (this.#hasMore) break;
        this.#events.push(pageItem(target, text));
      }
      this.#next = positionOf(text) ?? this.#next;
    }
    return this.#events.length > 0 || this.#isResync || this.#isRemoved;
  }

  /** Notes that events after the page are lost. @param position the position after which the reader continues */
  lose(position: string): void {
    this.#isResync = true;
    this.#recovered = false;
    this.#next = position;
  }

  /** Returns the answer. A user who was removed gets the events from before the removal first. @param present see `page` */
  answer(present: string | undefined): RoomPage | Problem {
    return this.#isRemoved && this.#events.length === 0 ? removedReader : this.page(present);
  }

  /** Returns the page. @param present the present position of the room, for a poll that was sent nothing */
  page(present: string | undefined): RoomPage {
    const isEmpty = this.#events.length === 0 && !this.#isResync;
    return {
      ...this.#before,
      events: this.#events,
      next: isEmpty ? (present ?? this.#next) : this.#next,
      recovered: this.#recovered,
      hasMore: this.#hasMore,
    };
  }
}

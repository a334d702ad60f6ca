// One connection of a user at a time, and its sessions in rooms: from a join to the removal, or to the end of the connection.
import { HubConnectionState } from '@microsoft/signalr';
import { EventLog } from '../../../fixtures/clients/event-log.js';

/** A stay in a room. */
export interface RoomSession {
  readonly roomId: string;
  /** The position with which the client resumed. `undefined` for a fresh join, and for a join that recovered nothing. */
  readonly resumedFrom: string | undefined;
  /** The position in the answer to the join. */
  readonly position: string;
  /** The IDs of the room's events, in the order of their arrival, with those that arrived before the answer. */
  readonly ids: string[];
  /** `open` while the client is in the room. `cut`: the connection has ended, or the client joined again. */
  end: 'open' | 'removed' | 'cut';
}

/** The sessions of one client. It connects to one gateway after the other. */
export class MemberSessions {
  readonly sessions: RoomSession[] = [];
  /** IDs of events that arrived outside of a session: before a join was answered, or after its end. */
  readonly strays: string[] = [];
  /** The last position that the client saw in each room. */
  readonly positions = new Map<string, string>();
  readonly #token: string;
  #log: EventLog | undefined;
  readonly #removedWhileJoining = new Set<string>();

  constructor(token: string) {
    this.#token = token;
  }

  /** Ends the present connection, and connects to a gateway. */
  async connect(url: string): Promise<void> {
    await this.close();
    const log = await EventLog.connect(url, { token: this.#token, query: '?resume=1' });
    this.#log = log;
    log.connection.on('removed', ({ room_id }: { readonly room_id: string }) => {
      if (this.#log !== log) return;
      this.#end(room_id, 'removed');
      this.#removedWhileJoining.add(room_id);
    });
    log.connection.onclose(() => {
      if (this.#log === log) this.#cut();
    });
    const push = log.events.push.bind(log.events);
    log.events.push = (...events) => {
      for (const event of events) if (this.#log === log) this.#receive(event);
      return push(...events);
    };
  }

  /** Joins a room, from the last known position if there is one and `isResuming`. Resolves to false if the gateway refuses. */
  async join(roomId: string, isResuming: boolean): Promise<boolean> {
    const log = this.#log;
    if (log === undefined || log.connection.state !== HubConnectionState.Connected) return false;
    this.#end(roomId, 'cut');
    const after = isResuming ? this.positions.get(roomId) : undefined;
    const early = this.strays.length;
    this.#removedWhileJoining.delete(roomId);
    try {
      const { position, recovered } = await log.join(roomId, after);
      if (this.#log !== log) return false;
      const ids = this.strays.splice(early).filter((id) => this.#rooms.get(id) === roomId);
      this.positions.set(roomId, position);
      // The answer and the removal may come in one turn. Which of them came first is not known then.
      const end = this.#removedWhileJoining.has(roomId) ? 'cut' : 'open';
      this.sessions.push({ roomId, resumedFrom: recovered ? after : undefined, position, ids, end });
      return true;
    } catch {
      // The user was removed, or the connection has ended.
      return false;
    }
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    const log = this.#log;
    this.#cut();
    this.#log = undefined;
    await log?.[Symbol.asyncDispose]();
  }

  /** Event ID → room, of everything that arrived. */
  readonly #rooms = new Map<string, string>();

  #receive({ event_id, room_id, position }: EventLog['events'][number]): void {
    this.#rooms.set(event_id, room_id);
    const session = this.sessions.findLast((candidate) => candidate.roomId === room_id);
    if (session?.end === 'open') {
      session.ids.push(event_id);
      this.positions.set(room_id, position);
    } else this.strays.push(event_id);
  }

  #end(roomId: string, how: 'removed' | 'cut'): void {
    for (const session of this.sessions)
      if (session.roomId === roomId && session.end === 'open') session.end = how;
  }

  #cut(): void {
    for (const session of this.sessions) if (session.end === 'open') session.end = 'cut';
  }
}

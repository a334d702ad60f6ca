// Remote sessions: an agent invites, the requester accepts or declines, either ends. Life: invited → active → ended, or
// invited → ended.
import { randomUUID } from 'node:crypto';
import type { RemoteSession, RemoteSessionAction, RemoteSessionMode, Ticket } from '../api-types.js';
import { type PersonRecord, type Row, remoteSessionOf } from '../database/rows.js';
import { HelpdeskError } from '../errors.js';
import { texts } from '../texts.js';
import type { ChangePorts, Changes } from './ticket-changes.js';

/** What a remote session becomes, and why it ended. */
interface Move {
  readonly state: 'active' | 'ended';
  readonly reason?: 'declined' | 'withdrawn' | 'ended_by_agent' | 'ended_by_requester';
}

/** The move that an action makes; `undefined` where it makes no sense. */
function moveOf(
  state: RemoteSession['state'],
  action: RemoteSessionAction,
  isRequester: boolean,
): Move | undefined {
  switch (action) {
    case 'accept':
      return state === 'invited' && isRequester ? { state: 'active' } : undefined;
    case 'decline':
      return state === 'invited' && isRequester ? { state: 'ended', reason: 'declined' } : undefined;
    case 'end':
    default:
      if (state === 'ended') return undefined;
      if (isRequester)
        return { state: 'ended', reason: state === 'invited' ? 'declined' : 'ended_by_requester' };
      return { state: 'ended', reason: state === 'invited' ? 'withdrawn' : 'ended_by_agent' };
  }
}

/** Invitations and what becomes of them. */
export class RemoteSessions {
  readonly #ports: ChangePorts;
  readonly #changes: Changes;

  constructor(ports: ChangePorts, changes: Changes) {
    this.#ports = ports;
    this.#changes = changes;
  }

  /** Invites the requester of a ticket. One at a time: while one is not over, there is no other. */
  invite(agent: PersonRecord, ticketId: string, mode: RemoteSessionMode): RemoteSession {
    const { database, outbox, conversations } = this.#ports;
    if (agent.role !== 'agent') throw new HelpdeskError('forbidden', 'Only agents invite.');
    const { ticket, remoteSession } = conversations.conversation(agent, ticketId);
    if (remoteSession !== null) throw new HelpdeskError('conflict', 'There is a remote session already.');
    return outbox.change(() => {
      const id = randomUUID();
      database
        .prepare(
          `INSERT INTO remote_sessions (id, ticket_id, agent_id, requester_id, mode, state, created_at)
           VALUES (?, ?, ?, ?, ?, 'invited', ?)`,
        )
        .run(id, ticketId, agent.id, ticket.requesterId, mode, this.#changes.now());
      const { title, body } = texts.notifications.remoteInvite(agent.fullName, ticket.subject);
      this.#changes.notify(ticket.requesterId, { kind: 'remote_session_invite', title, body, ticketId });
      this.#changes.addSystemMessage(ticket, agent, texts.system.remoteInvited(agent.fullName));
      return this.#get(id);
    });
  }

  /**
   * Accepts, declines or ends.
   *
   * @throws HelpdeskError `conflict` when it is too late for that.
   */
  act(person: PersonRecord, sessionId: string, action: RemoteSessionAction): RemoteSession {
    const { database, outbox, conversations } = this.#ports;
    const session = this.#get(sessionId);
    const ticket = conversations.ticket(person, session.ticketId);
    const move = moveOf(session.state, action, person.id === session.requesterId);
    if (move === undefined) throw new HelpdeskError('conflict', 'It is too late for that.');
    return outbox.change(() => {
      const now = this.#changes.now();
      database
        .prepare('UPDATE remote_sessions SET state = ?, started_at = COALESCE(started_at, ?) WHERE id = ?')
        .run(move.state, move.state === 'active' ? now : null, sessionId);
      this.#tell(session, ticket, move, person, now);
      return this.#get(sessionId);
    });
  }

  #tell(session: RemoteSession, ticket: Ticket, move: Move, person: PersonRecord, now: string): void {
    const { outbox, people } = this.#ports;
    const payload = {
      session_id: session.id,
      agent_id: session.agentId,
      requester_id: session.requesterId,
      agent_name: people.get(session.agentId).fullName,
      request_id: ticket.id,
      request_title: ticket.subject,
      mode: session.mode,
    };
    if (move.state === 'active') outbox.add('remote_session_start', ticket.roomId, payload, now);
    else outbox.add('remote_session_end', ticket.roomId, { ...payload, reason: move.reason ?? null }, now);
    const content =
      move.reason === undefined
        ? texts.system.remoteStarted(person.fullName)
        : texts.system.remoteEnded[move.reason](person.fullName);
    this.#changes.addSystemMessage(ticket, person, content);
  }

  #get(sessionId: string): RemoteSession {
    const row = this.#ports.database.prepare('SELECT * FROM remote_sessions WHERE id = ?').get(sessionId);
    if (row === undefined) throw new HelpdeskError('not_found', 'There is no such remote session.');
    return remoteSessionOf(row as Row);
  }
}

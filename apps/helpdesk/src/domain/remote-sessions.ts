// Remote sessions: an agent invites, the requester accepts or declines, and each of them can end the session. States: invited →
// active → ended, or invited → ended.
import { randomUUID } from 'node:crypto';
import type { RemoteSession, RemoteSessionAction, RemoteSessionMode, Ticket } from '../api-types.js';
import { type PersonRecord, type Row, remoteSessionOf } from '../database/rows.js';
import { HelpdeskError } from '../errors.js';
import { texts } from '../texts.js';
import type { TicketChanges, TicketChangesDependencies } from './ticket-changes.js';

/** The next state of a remote session, and the reason for its end. */
interface Transition {
  readonly state: 'active' | 'ended';
  readonly reason?: 'declined' | 'withdrawn' | 'ended_by_agent' | 'ended_by_requester';
}

/** Returns the transition that an action causes, or `undefined` if the action is not allowed. */
function transitionOf(
  state: RemoteSession['state'],
  action: RemoteSessionAction,
  isRequester: boolean,
): Transition | undefined {
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

/** The remote sessions of all tickets. */
export class RemoteSessions {
  readonly #dependencies: TicketChangesDependencies;
  readonly #changes: TicketChanges;

  constructor(dependencies: TicketChangesDependencies, changes: TicketChanges) {
    this.#dependencies = dependencies;
    this.#changes = changes;
  }

  /** Invites the requester of a ticket. A ticket has one remote session at a time. */
  invite(agent: PersonRecord, ticketId: string, mode: RemoteSessionMode): RemoteSession {
    const { database, outbox, conversations } = this.#dependencies;
    if (agent.role !== 'agent')
      throw new HelpdeskError('forbidden', 'Only agents can invite to a remote session.');
    const { ticket, remoteSession } = conversations.conversation(agent, ticketId);
    if (remoteSession !== null)
      throw new HelpdeskError('conflict', 'This ticket has a remote session already.');
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
   * Accepts, declines or ends a remote session.
   *
   * @throws HelpdeskError `conflict` when the state of the session does not allow the action.
   */
  act(person: PersonRecord, sessionId: string, action: RemoteSessionAction): RemoteSession {
    const { database, outbox, conversations } = this.#dependencies;
    const session = this.#get(sessionId);
    const ticket = conversations.ticket(person, session.ticketId);
    const transition = transitionOf(session.state, action, person.id === session.requesterId);
    if (transition === undefined)
      throw new HelpdeskError(
        'conflict',
        `A remote session that is ${session.state} does not allow this action.`,
      );
    return outbox.change(() => {
      const now = this.#changes.now();
      database
        .prepare('UPDATE remote_sessions SET state = ?, started_at = COALESCE(started_at, ?) WHERE id = ?')
        .run(transition.state, transition.state === 'active' ? now : null, sessionId);
      this.#report(session, ticket, transition, person, now);
      return this.#get(sessionId);
    });
  }

  #report(
    session: RemoteSession,
    ticket: Ticket,
    transition: Transition,
    person: PersonRecord,
    now: string,
  ): void {
    const { outbox, people } = this.#dependencies;
    const payload = {
      session_id: session.id,
      agent_id: session.agentId,
      requester_id: session.requesterId,
      agent_name: people.get(session.agentId).fullName,
      request_id: ticket.id,
      request_title: ticket.subject,
      mode: session.mode,
    };
    if (transition.state === 'active') outbox.add('remote_session_start', ticket.roomId, payload, now);
    else
      outbox.add('remote_session_end', ticket.roomId, { ...payload, reason: transition.reason ?? null }, now);
    const content =
      transition.reason === undefined
        ? texts.system.remoteStarted(person.fullName)
        : texts.system.remoteEnded[transition.reason](person.fullName);
    this.#changes.addSystemMessage(ticket, person, content);
  }

  #get(sessionId: string): RemoteSession {
    const row = this.#dependencies.database
      .prepare('SELECT * FROM remote_sessions WHERE id = ?')
      .get(sessionId);
    if (row === undefined) throw new HelpdeskError('not_found', 'There is no such remote session.');
    return remoteSessionOf(row as Row);
  }
}

// Remote sessions: an agent invites, the requester accepts or declines, and both can end the session. States: invited →
// active → ended, or invited → ended.
import { randomUUID } from 'node:crypto';
import type { Person, RemoteSession, RemoteSessionAction, RemoteSessionMode, Ticket } from '../api-types.js';
import { type Row, remoteSessionOf } from '../database/rows.js';
import { HelpdeskError } from '../errors.js';
import { texts } from '../texts.js';
import { now, type TicketChanges, type TicketChangesDependencies } from './ticket-changes.js';

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
  invite(agent: Person, ticketId: string, mode: RemoteSessionMode): RemoteSession {
    const { database, outbox, conversations } = this.#dependencies;
    if (agent.role !== 'agent')
      throw new HelpdeskError('forbidden', 'Only agents can invite to a remote session.');
    const { ticket, remoteSession } = conversations.conversation(agent, ticketId);
    if (remoteSession !== null)
      throw new HelpdeskError('conflict', 'This ticket has a remote session already.');
    return outbox.transact(() => {
      const id = randomUUID();
      database
        .prepare(
          `INSERT INTO remote_sessions (id, ticket_id, agent_id, requester_id, mode, state, created_at)
           VALUES (?, ?, ?, ?, ?, 'invited', ?)`,
        )
        .run(id, ticketId, agent.id, ticket.requesterId, mode, now());
      const type = 'remote_session_invite';
      const notification = texts.notifications.remoteInvite(agent.fullName, ticket.subject);
      this.#changes.notify(ticket.requesterId, type, { ...notification, ticketId });
      const content = texts.system.remoteInvited(agent.fullName);
      const { sequence_number } = this.#changes.addSystemMessage(ticket, agent, content);
      const session = this.#get(id);
      // Shows the invitation to everybody who has the ticket open.
      const payload = { type, ...notification, remote_session: session, sequence_number };
      outbox.add('notification', ticket.roomId, payload, { timestamp: now() });
      return session;
    });
  }

  /**
   * Accepts, declines or ends a remote session.
   *
   * @throws HelpdeskError `conflict` if the state of the session does not allow the action
   */
  act(person: Person, sessionId: string, action: RemoteSessionAction): RemoteSession {
    const { database, outbox, conversations } = this.#dependencies;
    const session = this.#get(sessionId);
    const ticket = conversations.ticket(person, session.ticketId);
    const transition = transitionOf(session.state, action, person.id === session.requesterId);
    if (transition === undefined)
      throw new HelpdeskError(
        'conflict',
        `A remote session that is ${session.state} does not allow this action.`,
      );
    return outbox.transact(() => {
      database.prepare('UPDATE remote_sessions SET state = ? WHERE id = ?').run(transition.state, sessionId);
      const changed = this.#get(sessionId);
      this.#report(changed, ticket, transition, person);
      return changed;
    });
  }

  #report(session: RemoteSession, ticket: Ticket, { reason }: Transition, person: Person): void {
    const { outbox, people } = this.#dependencies;
    const content =
      reason === undefined
        ? texts.system.remoteStarted(person.fullName)
        : texts.system.remoteEnded[reason](person.fullName);
    const { sequence_number } = this.#changes.addSystemMessage(ticket, person, content);
    const payload = {
      session_id: session.id,
      agent_id: session.agentId,
      requester_id: session.requesterId,
      agent_name: people.get(session.agentId).fullName,
      request_id: ticket.id,
      request_title: ticket.subject,
      mode: session.mode,
      // Fields of the helpdesk's own, as in the invitation: the pages show the session as it is stored.
      remote_session: session,
      sequence_number,
    };
    const time = { timestamp: now() };
    if (reason === undefined) outbox.add('remote_session_start', ticket.roomId, payload, time);
    else outbox.add('remote_session_end', ticket.roomId, { ...payload, reason }, time);
  }

  #get(sessionId: string): RemoteSession {
    const row = this.#dependencies.database
      .prepare('SELECT * FROM remote_sessions WHERE id = ?')
      .get(sessionId);
    if (row === undefined) throw new HelpdeskError('not_found', 'There is no such remote session.');
    return remoteSessionOf(row as Row);
  }
}

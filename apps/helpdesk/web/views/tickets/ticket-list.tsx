// The list of tickets, each with its status, assignee or requester, last message and number of unread messages.
import { ActionIcon, UnstyledButton } from '@mantine/core';
import { PlusIcon } from 'lucide-react';
import { memo, useState } from 'react';
import type { Message, Person, Ticket } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { listTime } from '../times.js';
import { useWorkspace, useWorkspaceState } from '../use-workspace.js';
import { NewTicket } from './new-ticket.js';

/** The list of tickets. */
export function TicketList({ onTicket }: { readonly onTicket: (ticketId: string) => void }) {
  const workspace = useWorkspace();
  const tickets = useWorkspaceState((state) => state.tickets);
  const [isCreating, setIsCreating] = useState(false);
  const isRequester = workspace.me.role === 'requester';
  return (
    <nav className="ticket-list" aria-label={texts.list.label}>
      <div className="list-head">
        <h2>
          {isRequester ? texts.list.requesterTitle : texts.list.agentTitle}{' '}
          <span className="list-count">{tickets.length}</span>
        </h2>
        {isRequester && (
          <ActionIcon
            variant="subtle"
            aria-label={texts.list.create}
            title={texts.list.create}
            onClick={() => setIsCreating(true)}
          >
            <PlusIcon />
          </ActionIcon>
        )}
      </div>
      {tickets.length === 0 ? (
        <p className="list-empty">{texts.list.empty}</p>
      ) : (
        <ul className="ticket-items">
          {tickets.map((ticket) => (
            <li key={ticket.id}>
              <TicketItem ticket={ticket} onOpen={onTicket} />
            </li>
          ))}
        </ul>
      )}
      {isCreating && <NewTicket onClose={() => setIsCreating(false)} />}
    </nav>
  );
}

const TicketItem = memo(function TicketItem(props: {
  readonly ticket: Ticket;
  readonly onOpen: (ticketId: string) => void;
}) {
  const { ticket, onOpen } = props;
  const { me, people } = useWorkspace();
  const unread = Math.max(0, (ticket.lastMessage?.sequence_number ?? 0) - ticket.readUpTo);
  const isTyping = useWorkspaceState(({ typing }) => (typing.get(ticket.id) ?? []).length > 0);
  const isOpen = useWorkspaceState(({ openTicketId }) => openTicketId === ticket.id);
  const otherName =
    me.role === 'agent' ? people.get(ticket.requesterId)?.fullName : assigneeName(ticket, people);
  return (
    <UnstyledButton
      className={unread > 0 ? 'ticket-item is-unread' : 'ticket-item'}
      aria-current={isOpen ? 'true' : undefined}
      data-ticket={ticket.number}
      onClick={() => onOpen(ticket.id)}
    >
      <span className="ticket-subject">{ticket.subject}</span>
      <span className="ticket-time">{listTime(ticket.lastMessage?.created_at ?? ticket.createdAt)}</span>
      <span className={isTyping ? 'ticket-preview is-typing' : 'ticket-preview'}>
        {isTyping ? `${texts.list.typing} …` : preview(ticket.lastMessage, me)}
      </span>
      {unread > 0 ? (
        <span className="ticket-unread" role="img" aria-label={texts.list.unread(unread)}>
          {unread > 99 ? '99+' : unread}
        </span>
      ) : (
        <span />
      )}
      <span className="ticket-facts">
        <span className="status-dot" data-status={ticket.status} />
        <span>
          {texts.status[ticket.status]} · #{ticket.number} · {otherName}
        </span>
      </span>
    </UnstyledButton>
  );
});

function assigneeName({ assigneeId }: Ticket, people: ReadonlyMap<string, Person>): string {
  return (assigneeId === null ? undefined : people.get(assigneeId)?.fullName) ?? texts.list.unassigned;
}

function preview(message: Message | null, me: Person): string {
  if (message === null) return '';
  const content = message.is_screenshot ? `${texts.list.screenshot}: ${message.content}` : message.content;
  if (message.sender_id === null || message.sender_id === undefined) return content;
  const name = message.sender_id === me.id ? texts.list.you : message.sender?.full_name?.split(' ')[0];
  return name === undefined ? content : `${name}: ${content}`;
}

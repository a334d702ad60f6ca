// The list of tickets, each with its status, assignee or requester, last message and number of unread messages.
import { ActionIcon, TextInput, UnstyledButton } from '@mantine/core';
import { PlusIcon, SearchIcon } from 'lucide-react';
import { memo, useState } from 'react';
import { useStore } from 'zustand';
import {
  firstNameOf,
  type Message,
  maxSearchLength,
  type Person,
  type Ticket,
} from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { unreadCount } from '../../live/tickets.js';
import { useSession } from '../../live/use-session.js';
import type { OpenTicket } from '../../routing/page-route.js';
import { listTime } from '../times.js';
import { NewTicketDialog } from './new-ticket-dialog.js';
import { useTicketSearch } from './ticket-search.js';

/** The list of tickets, or of the tickets that a search finds. */
export function TicketList(props: {
  readonly tickets: readonly Ticket[];
  readonly openTicketId: string | null;
  readonly onTicket: OpenTicket;
}) {
  const { tickets, openTicketId, onTicket } = props;
  const { me } = useSession();
  const [isCreating, setIsCreating] = useState(false);
  const [search, setSearch] = useState('');
  const text = search.trim();
  const found = useTicketSearch(text, tickets);
  return (
    <nav className="ticket-list" aria-label={texts.list.label}>
      <div className="list-head">
        <h2>
          {me.role === 'requester' ? texts.list.requesterTitle : texts.list.agentTitle}{' '}
          <span className="list-count">{tickets.length}</span>
        </h2>
        <ActionIcon
          variant="subtle"
          aria-label={texts.list.create[me.role]}
          title={texts.list.create[me.role]}
          onClick={() => setIsCreating(true)}
        >
          <PlusIcon />
        </ActionIcon>
        <TextInput
          className="list-search"
          type="search"
          size="xs"
          leftSection={<SearchIcon />}
          aria-label={texts.list.search}
          placeholder={texts.list.search}
          maxLength={maxSearchLength}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      </div>
      <TicketItems
        tickets={text === '' ? tickets : found}
        isSearch={text !== ''}
        openTicketId={openTicketId}
        onTicket={onTicket}
      />
      {isCreating && <NewTicketDialog onClose={() => setIsCreating(false)} onTicket={onTicket} />}
    </nav>
  );
}

function TicketItems(props: {
  readonly tickets: ReturnType<typeof useTicketSearch>;
  readonly isSearch: boolean;
  readonly openTicketId: string | null;
  readonly onTicket: OpenTicket;
}) {
  const { tickets, isSearch, openTicketId, onTicket } = props;
  return (
    <div className="ticket-items">
      <p className="list-status" role="status">
        {tickets === 'searching' && texts.list.searching}
        {tickets === 'failed' && texts.list.searchFailed}
        {typeof tickets !== 'string' && isSearch && texts.list.found(tickets.length)}
        {typeof tickets !== 'string' && !isSearch && tickets.length === 0 && texts.list.empty}
      </p>
      {typeof tickets !== 'string' && (
        <ul>
          {tickets.map((ticket) => (
            <li key={ticket.id}>
              <TicketItem ticket={ticket} isOpen={ticket.id === openTicketId} onOpen={onTicket} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const TicketItem = memo(function TicketItem(props: {
  readonly ticket: Ticket;
  readonly isOpen: boolean;
  readonly onOpen: OpenTicket;
}) {
  const { ticket, isOpen, onOpen } = props;
  const { me, people, readHere } = useSession();
  const unread = useStore(readHere, (read) => unreadCount(ticket, read[ticket.id]));
  const otherName =
    me.role === 'agent' ? people.get(ticket.requesterId)?.fullName : assigneeName(ticket, people);
  return (
    <UnstyledButton
      className={unread > 0 ? 'ticket-item is-unread' : 'ticket-item'}
      aria-current={isOpen ? 'true' : undefined}
      data-ticket={ticket.number}
      onClick={() => onOpen(ticket.id, ticket.requesterId)}
    >
      <span className="ticket-subject">{ticket.subject}</span>
      <span className="ticket-time">{listTime(ticket.lastMessage?.created_at ?? ticket.createdAt)}</span>
      <span className="ticket-preview">{preview(ticket.lastMessage, me)}</span>
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
  const { full_name: fullName } = message.sender ?? {};
  if (message.sender_id === me.id) return `${texts.list.you}: ${content}`;
  return typeof fullName === 'string' ? `${firstNameOf({ fullName })}: ${content}` : content;
}

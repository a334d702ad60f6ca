// The header of the open ticket: subject, people, status. Agents change the status and the assignee here.
import { ActionIcon, Button, Menu, Select } from '@mantine/core';
import { ChevronLeftIcon, MonitorIcon } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { type Ticket, type TicketStatus, ticketStatuses } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useSession } from '../../live/use-session.js';
import { useRequest } from './use-request.js';

/** The header. `children` are shown beside the title. */
export function TicketHead(props: {
  readonly ticket: Ticket;
  readonly mayInvite: boolean;
  readonly onBack: () => void;
  readonly children: ReactNode;
}) {
  const { ticket, mayInvite, onBack, children } = props;
  const { me, people } = useSession();
  const { run, hasFailed } = useRequest();
  const assignee = ticket.assigneeId === null ? undefined : people.get(ticket.assigneeId);
  const requester = people.get(ticket.requesterId);
  const isAgent = me.role === 'agent';
  return (
    <div className="ticket-head">
      <ActionIcon
        className="back-button"
        variant="subtle"
        color="gray"
        aria-label={texts.list.back}
        onClick={onBack}
      >
        <ChevronLeftIcon />
      </ActionIcon>
      <div className="ticket-title">
        <h2>
          {ticket.subject} <span className="ticket-number">#{ticket.number}</span>
        </h2>
        <p>
          {isAgent
            ? texts.ticket.requestedBy(`${requester?.fullName}, ${requester?.title}`)
            : assignee === undefined
              ? texts.ticket.notHandled
              : texts.ticket.handledBy(assignee.fullName)}
        </p>
      </div>
      {children}
      {isAgent ? (
        <AgentControls
          ticketId={ticket.id}
          status={ticket.status}
          assigneeId={ticket.assigneeId}
          mayInvite={mayInvite}
          run={run}
        />
      ) : (
        <span className="status-pill" data-testid="status">
          <span className="status-dot" data-status={ticket.status} />
          {texts.status[ticket.status]}
        </span>
      )}
      {hasFailed && (
        <p role="alert" className="change-failed">
          {texts.ticket.changeFailed}
        </p>
      )}
    </div>
  );
}

/** The controls of an agent. They are rendered again only when one of their properties changes, not with every message. */
const AgentControls = memo(function AgentControls(props: {
  readonly ticketId: string;
  readonly status: TicketStatus;
  readonly assigneeId: string | null;
  readonly mayInvite: boolean;
  readonly run: (request: Promise<unknown>) => void;
}) {
  const { ticketId, status: current, assigneeId, mayInvite, run } = props;
  const { api, people } = useSession();
  const agents = [...people.values()].filter(({ role }) => role === 'agent');
  return (
    <div className="ticket-controls">
      <Select
        className="status-control"
        size="xs"
        aria-label={texts.ticket.status}
        allowDeselect={false}
        checkIconPosition="right"
        leftSection={<span className="status-dot" data-status={current} />}
        leftSectionWidth={26}
        data={ticketStatuses.map((status) => ({ value: status, label: texts.status[status] }))}
        value={current}
        onChange={(status) => status !== null && run(api.setStatus(ticketId, status))}
      />
      <Select
        className="assignee-control"
        size="xs"
        aria-label={texts.ticket.assignee}
        allowDeselect={false}
        checkIconPosition="right"
        data={[
          { value: 'nobody', label: texts.ticket.nobody },
          ...agents.map(({ id, fullName }) => ({ value: id, label: fullName })),
        ]}
        value={assigneeId ?? 'nobody'}
        onChange={(value) => run(api.assign(ticketId, value === 'nobody' ? null : value))}
      />
      <Menu position="bottom-end" shadow="md" withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <Button
            className="remote-invite"
            size="xs"
            variant="default"
            // On narrow pages only the icon is shown.
            aria-label={texts.remote.invite}
            leftSection={<MonitorIcon />}
            disabled={!mayInvite}
          >
            {texts.remote.invite}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => run(api.invite(ticketId, 'view'))}>{texts.remote.inviteView}</Menu.Item>
          <Menu.Item onClick={() => run(api.invite(ticketId, 'control'))}>
            {texts.remote.inviteControl}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
});

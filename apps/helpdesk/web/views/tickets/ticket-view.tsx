// The open ticket: header, remote session, conversation.
import { ActionIcon, Button, Menu, Select } from '@mantine/core';
import { ChevronLeftIcon, MonitorIcon } from 'lucide-react';
import { memo, useCallback, useState } from 'react';
import {
  type RemoteSession,
  type Ticket,
  type TicketStatus,
  ticketStatuses,
} from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { Composer } from '../conversation/composer.js';
import { ConversationView } from '../conversation/conversation-view.js';
import { useWorkspace, useWorkspaceState } from '../use-workspace.js';

/** The open ticket, or a message that no ticket is open. */
export function TicketView({ onBack }: { readonly onBack: () => void }) {
  const ticket = useWorkspaceState(({ tickets, openTicketId }) =>
    tickets.find(({ id }) => id === openTicketId),
  );
  const remoteSession = useWorkspaceState(({ conversations, openTicketId }) =>
    openTicketId === null ? null : (conversations.get(openTicketId)?.remoteSession ?? null),
  );
  const isMissing = useWorkspaceState(
    ({ openTicketId, missingTicketId }) => openTicketId !== null && openTicketId === missingTicketId,
  );
  if (ticket === undefined) {
    return (
      <div className="open-ticket">
        <div className="nothing-open">
          {isMissing ? <Missing onBack={onBack} /> : <p>{texts.ticket.choose}</p>}
        </div>
      </div>
    );
  }
  return (
    <div className="open-ticket" data-open-ticket={ticket.number}>
      <TicketHead ticket={ticket} mayInvite={remoteSession === null} onBack={onBack} />
      {remoteSession === null ? <div /> : <RemoteBar session={remoteSession} />}
      <ConversationView key={ticket.id} ticketId={ticket.id} subject={ticket.subject} />
      <Composer key={`${ticket.id} composer`} ticketId={ticket.id} />
    </div>
  );
}

function Missing({ onBack }: { readonly onBack: () => void }) {
  return (
    <>
      <p role="alert">{texts.ticket.missing}</p>
      <Button variant="default" size="sm" onClick={onBack}>
        {texts.list.back}
      </Button>
    </>
  );
}

function TicketHead(props: {
  readonly ticket: Ticket;
  readonly mayInvite: boolean;
  readonly onBack: () => void;
}) {
  const { ticket, mayInvite, onBack } = props;
  const { me, people } = useWorkspace();
  const { run, hasFailed } = useChange();
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
  readonly run: (change: Promise<void>) => void;
}) {
  const { ticketId, status: current, assigneeId, mayInvite, run } = props;
  const workspace = useWorkspace();
  const agents = [...workspace.people.values()].filter(({ role }) => role === 'agent');
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
        onChange={(status) => status !== null && run(workspace.setStatus(ticketId, status))}
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
        onChange={(value) => run(workspace.assign(ticketId, value === 'nobody' ? null : value))}
      />
      <Menu position="bottom-end" shadow="md" withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <Button
            className="remote-invite"
            size="xs"
            variant="default"
            leftSection={<MonitorIcon />}
            disabled={!mayInvite}
          >
            {texts.remote.invite}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => run(workspace.invite(ticketId, 'view'))}>
            {texts.remote.inviteView}
          </Menu.Item>
          <Menu.Item onClick={() => run(workspace.invite(ticketId, 'control'))}>
            {texts.remote.inviteControl}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
});

function RemoteBar({ session }: { readonly session: RemoteSession }) {
  const workspace = useWorkspace();
  const { run, hasFailed } = useChange();
  const { state, mode } = session;
  const isRequester = workspace.me.id === session.requesterId;
  const agent = workspace.people.get(session.agentId)?.fullName ?? '';
  const requester = workspace.people.get(session.requesterId)?.fullName ?? '';
  const text =
    state === 'active'
      ? isRequester
        ? texts.remote.active(mode, agent)
        : texts.remote.activeAgent(mode, requester)
      : isRequester
        ? texts.remote.invitation(agent, mode)
        : texts.remote.invited(requester);
  const end = (): void => run(workspace.actOnRemoteSession(session, 'end'));
  return (
    <div
      className={state === 'active' ? 'remote is-active' : 'remote'}
      role="group"
      aria-label={texts.remote.label}
    >
      <p className="remote-text" role="status">
        <MonitorIcon />
        {text}
      </p>
      {hasFailed && <span className="message-problem">{texts.ticket.changeFailed}</span>}
      <div className="remote-buttons">
        {state === 'invited' && isRequester ? (
          <>
            <Button size="xs" onClick={() => run(workspace.actOnRemoteSession(session, 'accept'))}>
              {texts.remote.accept}
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() => run(workspace.actOnRemoteSession(session, 'decline'))}
            >
              {texts.remote.decline}
            </Button>
          </>
        ) : (
          <Button size="xs" variant="default" onClick={end}>
            {state === 'active' ? texts.remote.end : texts.remote.withdraw}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Runs changes and reports whether the last change failed. */
function useChange() {
  const [hasFailed, setHasFailed] = useState(false);
  const run = useCallback((change: Promise<void>): void => {
    setHasFailed(false);
    change.catch(() => setHasFailed(true));
  }, []);
  return { run, hasFailed };
}

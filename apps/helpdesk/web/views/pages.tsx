// The two kinds of page: one person, or two people side by side, each with their own connection.
import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { Person } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { navigate, type PageRoute } from '../routing/page-route.js';
import type { PeopleById } from '../state/workspace-state.js';
import type { Workspace } from '../workspace/workspace.js';
import { useNewWorkspace, useStateOf } from './use-workspace.js';
import { WorkspaceView } from './workspace/workspace-view.js';

/** The page of one person. */
export function OnePersonPage(props: {
  readonly person: Person;
  readonly people: PeopleById;
  readonly route: PageRoute;
}) {
  const { person, people, route } = props;
  const workspace = useNewWorkspace(person, people, route.ticketId);
  const openTicketId = useStateOf(workspace, (state) => state.openTicketId);
  useEffect(() => workspace.openTicket(route.ticketId), [workspace, route.ticketId]);
  // If the workspace opens a ticket itself, for example a new ticket, the address is updated.
  useEffect(() => {
    if (openTicketId !== null && openTicketId !== route.ticketId)
      navigate({ ...route, ticketId: openTicketId });
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [openTicketId]);
  return (
    <main id="content" className={`workspaces is-alone is-${person.role}`} tabIndex={-1}>
      <WorkspaceView
        workspace={workspace}
        onTicket={(ticketId) => navigate({ ...route, ticketId })}
        onPerson={({ username }) => navigate({ ...route, as: username })}
      />
    </main>
  );
}

/** Width up to which the page shows only one side at a time. frame.css has the same limit. */
const narrow = '(max-width: 62rem)';

/** The page of two people. */
export function TwoPersonPage(props: {
  readonly agent: Person;
  readonly requester: Person;
  readonly people: PeopleById;
  readonly route: PageRoute;
}) {
  const { agent, requester, people, route } = props;
  const isNarrow = useMediaQuery(narrow, false, { getInitialValueInEffect: false });
  const [side, setSide] = useState<Person['role']>('requester');
  return (
    <main id="content" className="workspaces" tabIndex={-1}>
      <div className="side-switch">
        <SegmentedControl
          fullWidth
          size="sm"
          aria-label={texts.top.bothSides}
          value={side}
          onChange={(value) => setSide(value === 'agent' ? 'agent' : 'requester')}
          data={[
            { value: 'agent', label: `${texts.roles.agent}: ${agent.fullName.split(' ')[0]}` },
            { value: 'requester', label: `${texts.roles.requester}: ${requester.fullName.split(' ')[0]}` },
          ]}
        />
      </div>
      <SplitWorkspaces
        key={`${agent.id} ${requester.id}`}
        agent={agent}
        requester={requester}
        people={people}
        route={route}
        hiddenSide={isNarrow ? (side === 'agent' ? 'requester' : 'agent') : null}
      />
    </main>
  );
}

function SplitWorkspaces(props: {
  readonly agent: Person;
  readonly requester: Person;
  readonly people: PeopleById;
  readonly route: PageRoute;
  readonly hiddenSide: Person['role'] | null;
}) {
  const { agent, requester, people, route, hiddenSide } = props;
  const agentWorkspace = useNewWorkspace(agent, people, route.ticketId);
  const requesterWorkspace = useNewWorkspace(requester, people, route.ticketId);
  const tickets = useStateOf(requesterWorkspace, (state) => state.tickets);
  const { ticketId } = route;
  const newest = tickets[0]?.id;
  // Without a ticket in the address, both sides open the requester's newest ticket.
  useEffect(() => {
    if (ticketId === null && newest !== undefined)
      navigate({ ...route, ticketId: newest }, { replace: true });
  });
  useEffect(() => {
    if (ticketId === null) return;
    agentWorkspace.openTicket(ticketId);
    requesterWorkspace.openTicket(ticketId);
  }, [ticketId, agentWorkspace, requesterWorkspace]);
  const setPeople = (chosen: Person): void =>
    navigate({
      ...route,
      [chosen.role]: chosen.username,
      ...(chosen.role === 'requester' ? { ticketId: null } : {}),
    });
  /** Opens a ticket on both sides if both people can see it, and otherwise only on the side on which it was chosen. */
  const openOn = (workspace: Workspace) => (chosen: string | null) => {
    const isShared = chosen !== null && tickets.some(({ id }) => id === chosen);
    workspace.openTicket(chosen);
    if (isShared) navigate({ ...route, ticketId: chosen }, { replace: true });
    if (isShared) agentWorkspace.openTicket(chosen);
    if (isShared) requesterWorkspace.openTicket(chosen);
  };
  return (
    <>
      <WorkspaceView
        workspace={agentWorkspace}
        other={requesterWorkspace}
        isHidden={hiddenSide === 'agent'}
        onTicket={openOn(agentWorkspace)}
        onPerson={setPeople}
      />
      <WorkspaceView
        workspace={requesterWorkspace}
        other={agentWorkspace}
        isHidden={hiddenSide === 'requester'}
        onTicket={openOn(requesterWorkspace)}
        onPerson={setPeople}
      />
    </>
  );
}

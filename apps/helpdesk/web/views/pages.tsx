// The two kinds of page: one person alone, or two people side by side, each with a connection of their own.
import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { Person } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { navigate, type Route } from '../routing/page-route.js';
import type { PeopleById } from '../state/workspace-state.js';
import type { Desk } from '../workspace/workspace.js';
import { useNewDesk, useStateOf } from './use-workspace.js';
import { Pane } from './workspace/workspace-view.js';

/** One person's desk, filling the page. */
export function AlonePage(props: {
  readonly person: Person;
  readonly people: PeopleById;
  readonly route: Route;
}) {
  const { person, people, route } = props;
  const desk = useNewDesk(person, people, route.ticketId);
  const openTicketId = useStateOf(desk, (state) => state.openTicketId);
  useEffect(() => desk.openTicket(route.ticketId), [desk, route.ticketId]);
  // A ticket the desk opened by itself, such as a new one, gets its address.
  useEffect(() => {
    if (openTicketId !== null && openTicketId !== route.ticketId)
      navigate({ ...route, ticketId: openTicketId });
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [openTicketId]);
  return (
    <main id="content" className={`panes is-alone is-${person.role}`} tabIndex={-1}>
      <Pane
        desk={desk}
        onTicket={(ticketId) => navigate({ ...route, ticketId })}
        onPerson={({ username }) => navigate({ ...route, as: username })}
      />
    </main>
  );
}

/** Narrower than this, one side is shown at a time; as in frame.css. */
const narrow = '(max-width: 62rem)';

/** Two people's desks. */
export function SplitPage(props: {
  readonly agent: Person;
  readonly requester: Person;
  readonly people: PeopleById;
  readonly route: Route;
}) {
  const { agent, requester, people, route } = props;
  const isNarrow = useMediaQuery(narrow, false, { getInitialValueInEffect: false });
  const [side, setSide] = useState<Person['role']>('requester');
  return (
    <main id="content" className="panes" tabIndex={-1}>
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
      <SplitPanes
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

function SplitPanes(props: {
  readonly agent: Person;
  readonly requester: Person;
  readonly people: PeopleById;
  readonly route: Route;
  readonly hiddenSide: Person['role'] | null;
}) {
  const { agent, requester, people, route, hiddenSide } = props;
  const agentDesk = useNewDesk(agent, people, route.ticketId);
  const requesterDesk = useNewDesk(requester, people, route.ticketId);
  const tickets = useStateOf(requesterDesk, (state) => state.tickets);
  const { ticketId } = route;
  const newest = tickets[0]?.id;
  // Without a ticket in the address, both look at the requester's newest.
  useEffect(() => {
    if (ticketId === null && newest !== undefined)
      navigate({ ...route, ticketId: newest }, { replace: true });
  });
  useEffect(() => {
    if (ticketId === null) return;
    agentDesk.openTicket(ticketId);
    requesterDesk.openTicket(ticketId);
  }, [ticketId, agentDesk, requesterDesk]);
  const setPeople = (chosen: Person): void =>
    navigate({
      ...route,
      [chosen.role]: chosen.username,
      ...(chosen.role === 'requester' ? { ticketId: null } : {}),
    });
  /** Both follow to a ticket that both can see; anything else concerns one side only. */
  const openOn = (desk: Desk) => (chosen: string | null) => {
    const isShared = chosen !== null && tickets.some(({ id }) => id === chosen);
    desk.openTicket(chosen);
    if (isShared) navigate({ ...route, ticketId: chosen }, { replace: true });
    if (isShared) agentDesk.openTicket(chosen);
    if (isShared) requesterDesk.openTicket(chosen);
  };
  return (
    <>
      <Pane
        desk={agentDesk}
        other={requesterDesk}
        isHidden={hiddenSide === 'agent'}
        onTicket={openOn(agentDesk)}
        onPerson={setPeople}
      />
      <Pane
        desk={requesterDesk}
        other={agentDesk}
        isHidden={hiddenSide === 'requester'}
        onTicket={openOn(requesterDesk)}
        onPerson={setPeople}
      />
    </>
  );
}

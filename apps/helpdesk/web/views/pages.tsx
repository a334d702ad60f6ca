// The two kinds of page: one person, or two people side by side, each with their own connection.
import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { firstNameOf, type Person, type Role } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import type { PeopleById } from '../live/person-session.js';
import { useNewSession } from '../live/use-session.js';
import { navigate, type OpenTicket, type PageRoute } from '../routing/page-route.js';
import { WorkspaceView } from './workspace/workspace-view.js';

/** The page of one person. */
export function OnePersonPage(props: {
  readonly person: Person;
  readonly people: PeopleById;
  readonly route: PageRoute;
}) {
  const { person, people, route } = props;
  const opening = useNewSession(person, people);
  return (
    <main id="content" className={`workspaces is-alone is-${person.role}`} tabIndex={-1}>
      <WorkspaceView
        person={person}
        opening={opening}
        ticketId={route.ticketId}
        setsTitle
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
  const [side, setSide] = useState<Role>('requester');
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
            { value: 'agent', label: `${texts.roles.agent}: ${firstNameOf(agent)}` },
            { value: 'requester', label: `${texts.roles.requester}: ${firstNameOf(requester)}` },
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
  readonly hiddenSide: Role | null;
}) {
  const { agent, requester, people, route, hiddenSide } = props;
  const openings = { agent: useNewSession(agent, people), requester: useNewSession(requester, people) };
  const shared = route.ticketId;
  /** The ticket of a side that shows another one than the address: null is the list, and undefined the ticket of the address. */
  const [own, setOwn] = useState<Partial<Record<Role, string | null>>>({});
  useEffect(() => setOwn({}), [shared]);

  /** Opens a ticket on both sides if both people can see it, otherwise only where it was chosen. */
  const openOn =
    (role: Role): OpenTicket =>
    (ticketId, requesterId) => {
      if (ticketId === null || (role === 'agent' && requesterId !== requester.id)) {
        setOwn((current) => ({ ...current, [role]: ticketId }));
        return;
      }
      setOwn({});
      navigate({ ...route, ticketId }, { replace: true });
    };
  const setPerson = (chosen: Person): void =>
    navigate({
      ...route,
      [chosen.role]: chosen.username,
      ...(chosen.role === 'requester' ? { ticketId: null } : {}),
    });
  const sideOf = (role: Role, other: Role) => (
    <WorkspaceView
      person={role === 'agent' ? agent : requester}
      opening={openings[role]}
      other={openings[other].value ?? undefined}
      isHidden={hiddenSide === role}
      ticketId={own[role] === undefined ? shared : own[role]}
      // Both sides open the requester's newest ticket if the address names none.
      opensNewest={role === 'requester' && shared === null}
      setsTitle={role === 'requester'}
      onTicket={openOn(role)}
      onPerson={setPerson}
    />
  );
  return (
    <>
      {sideOf('agent', 'requester')}
      {sideOf('requester', 'agent')}
    </>
  );
}

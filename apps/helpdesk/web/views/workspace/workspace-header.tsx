// The header of a workspace: the person, the state of the connection, the bell.
import { ActionIcon, Menu, Popover, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useConnection, useRoomState } from '@millrace/react';
import { BellIcon } from 'lucide-react';
import { useState } from 'react';
import { useStore } from 'zustand';
import type { Notification, Person } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { ownRoomId, reduceNotifications } from '../../live/notifications.js';
import { useSession } from '../../live/use-session.js';
import { whenDown } from '../../live/use-tickets.js';
import { Avatar } from '../avatar.js';
import { listTime } from '../times.js';

/** The header of a workspace. */
export function WorkspaceHeader(props: {
  readonly onPerson: (person: Person) => void;
  readonly onTicket: (ticketId: string) => void;
}) {
  return (
    <header className="workspace-header">
      <PersonMenu onPerson={props.onPerson} />
      <div className="head-end">
        <ConnectionState />
        <Bell onTicket={props.onTicket} />
      </div>
    </header>
  );
}

function PersonMenu({ onPerson }: { readonly onPerson: (person: Person) => void }) {
  const { me, people } = useSession();
  return (
    <Menu position="bottom-start" width={250} shadow="md" withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <UnstyledButton className="person-button">
          <Avatar person={me} size="2.125rem" />
          <span>
            <span className="person-name">{me.fullName}</span>
            <span className="person-title">
              {texts.roles[me.role]} · {me.title}
            </span>
          </span>
          <VisuallyHidden>{texts.signIn.switchPerson}</VisuallyHidden>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{texts.signIn.as}</Menu.Label>
        {[...people.values()]
          .filter(({ role }) => role === me.role)
          .map((person) => (
            <Menu.Item
              key={person.id}
              leftSection={<Avatar person={person} size="1.5rem" />}
              disabled={person.id === me.id}
              onClick={() => onPerson(person)}
            >
              {person.fullName}
            </Menu.Item>
          ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function ConnectionState() {
  const { trial } = useSession();
  const { state: connection } = useConnection();
  const isCut = useStore(trial.store, ({ kind }) => kind === 'cut');
  const kind = isCut ? 'is-cut' : connection === 'live' ? '' : 'is-busy';
  return (
    <span className={`state ${kind}`.trim()} role="status" data-state={isCut ? 'cut' : connection}>
      {isCut ? texts.connection.cut : texts.connection[connection]}
    </span>
  );
}

const noNotifications: readonly Notification[] = [];

function Bell({ onTicket }: { readonly onTicket: (ticketId: string) => void }) {
  const { api } = useSession();
  const { state: notifications = noNotifications } = useRoomState<readonly Notification[]>(
    ownRoomId,
    () => api.notifications(),
    { reduce: reduceNotifications, whenDown },
  );
  const [isOpen, setIsOpen] = useState(false);
  /** The notifications that the person has seen on this page. */
  const [seen, setSeen] = useState(noNotifications);
  const unread = notifications.filter(
    ({ id, isRead }) => !isRead && !seen.some((each) => each.id === id),
  ).length;
  const setOpen = (opens: boolean): void => {
    setIsOpen(opens);
    if (opens || unread === 0) return;
    setSeen(notifications);
    // Without an answer, they count as unread again, and the next look at the list tries again.
    api.markNotificationsRead().catch(() => setSeen(seen));
  };
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon
          className="bell"
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={texts.bell.label(unread)}
          onClick={() => setOpen(!isOpen)}
        >
          <BellIcon />
          {unread > 0 && (
            <span className="bell-count" aria-hidden="true">
              {unread > 9 ? '9+' : unread}
            </span>
          )}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={0} aria-label={texts.bell.title}>
        <div className="notices" tabIndex={-1}>
          <h2>{texts.bell.title}</h2>
          {notifications.length === 0 && <p className="notices-empty">{texts.bell.empty}</p>}
          <ul>
            {notifications.map(({ id, title, body, createdAt, ticketId }) => (
              <li key={id}>
                <UnstyledButton
                  className="notice"
                  onClick={() => {
                    setOpen(false);
                    if (ticketId !== null) onTicket(ticketId);
                  }}
                >
                  <span className="notice-title">{title}</span>
                  <span className="notice-body">{body}</span>
                  <span className="notice-time">{listTime(createdAt)}</span>
                </UnstyledButton>
              </li>
            ))}
          </ul>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

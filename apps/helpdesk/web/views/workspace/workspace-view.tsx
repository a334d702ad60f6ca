// One person's workspace on the page: header, tickets, connection panel.
import { useDocumentVisibility } from '@mantine/hooks';
import { MillraceProvider } from '@millrace/react';
import { type ReactNode, useEffect } from 'react';
import { useStore } from 'zustand';
import type { Person } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import type { PersonSession } from '../../live/person-session.js';
import type { Answer } from '../../live/use-answer.js';
import { SessionProvider, useSession } from '../../live/use-session.js';
import { useTickets } from '../../live/use-tickets.js';
import type { OpenTicket } from '../../routing/page-route.js';
import { ConnectionPanel } from '../connection/connection-panel.js';
import { LoadingStatus } from '../loading-status.js';
import { TicketList } from '../tickets/ticket-list.js';
import { TicketView } from '../tickets/ticket-view.js';
import { ConnectionBanner } from './connection-banner.js';
import { Toasts } from './toasts.js';
import { WorkspaceHeader } from './workspace-header.js';

interface WorkspaceProps {
  readonly person: Person;
  readonly opening: Answer<PersonSession>;
  /** The session of the other person on the page, if there is one. */
  readonly other?: PersonSession | undefined;
  /** True while the page shows only the side of the other person. */
  readonly isHidden?: boolean;
  readonly ticketId: string | null;
  /** True if the newest ticket is to be opened. */
  readonly opensNewest?: boolean;
  /** True if this workspace sets the title of the page. */
  readonly setsTitle?: boolean;
  readonly onTicket: OpenTicket;
  readonly onPerson: (person: Person) => void;
}

/** A workspace on the page. */
export function WorkspaceView(props: WorkspaceProps) {
  const { value: session, hasFailed, retry } = props.opening;
  if (session === null) {
    return (
      <Frame {...props}>
        <div className="opening">
          <LoadingStatus hasFailed={hasFailed} onRetry={retry} />
        </div>
      </Frame>
    );
  }
  return (
    <SessionProvider value={session}>
      <MillraceProvider client={session.client}>
        <OpenWorkspace {...props} />
      </MillraceProvider>
    </SessionProvider>
  );
}

function OpenWorkspace(props: WorkspaceProps) {
  const { ticketId, opensNewest = false, setsTitle = false, isHidden = false, onTicket } = props;
  const { trial } = useSession();
  const isCut = useStore(trial.store, ({ kind }) => kind === 'cut');
  const isVisible = useDocumentVisibility() === 'visible' && !isHidden;
  const { state: tickets, status, error, reload } = useTickets();
  const newest = tickets?.[0];
  // Runs after every rendering, because `onTicket` is a new function in each. Once the address names a ticket, it does nothing.
  useEffect(() => {
    if (opensNewest && newest !== undefined) onTicket(newest.id, newest.requesterId);
  });
  const onNotification = (id: string): void =>
    onTicket(id, tickets?.find((each) => each.id === id)?.requesterId);
  return (
    <Frame {...props} isCut={isCut}>
      <WorkspaceHeader onPerson={props.onPerson} onTicket={onNotification} />
      <ConnectionBanner isPolling={status === 'polling' && error === undefined} />
      {tickets === undefined ? (
        <div className="opening">
          <LoadingStatus hasFailed={error !== undefined} onRetry={reload} />
        </div>
      ) : (
        <>
          <div className={ticketId === null ? 'workspace-body' : 'workspace-body shows-ticket'}>
            <TicketList tickets={tickets} openTicketId={ticketId} onTicket={onTicket} />
            <TicketView
              ticketId={ticketId}
              tickets={tickets}
              isVisible={isVisible}
              setsTitle={setsTitle}
              onBack={() => onTicket(null)}
            />
          </div>
          <ConnectionPanel other={props.other} />
        </>
      )}
      <Toasts onTicket={onNotification} />
    </Frame>
  );
}

function Frame(props: {
  readonly person: Person;
  readonly isCut?: boolean;
  readonly isHidden?: boolean;
  readonly children: ReactNode;
}) {
  const { person, isCut = false, isHidden = false, children } = props;
  const classes = ['workspace', isCut ? 'is-cut' : '', isHidden ? 'is-hidden' : ''];
  return (
    <section
      className={classes.join(' ').trim()}
      aria-label={`${texts.roles[person.role]}: ${person.fullName}`}
    >
      {children}
    </section>
  );
}

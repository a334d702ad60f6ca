// One person's window: who it is, the desk, the line to the gateway.
import { VisuallyHidden } from '@mantine/core';
import { useEffect } from 'react';
import type { Person } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import type { Desk } from '../../workspace/workspace.js';
import { LinePanel } from '../connection/connection-panel.js';
import { Opening } from '../loading-status.js';
import { TicketList } from '../tickets/ticket-list.js';
import { TicketView } from '../tickets/ticket-view.js';
import { DeskProvider, useDesk, useDeskState, useStateOf } from '../use-workspace.js';
import { Toasts } from './toasts.js';
import { PaneHead } from './workspace-header.js';

/** A pane. */
export function Pane(props: {
  readonly desk: Desk;
  /** The person beside this one, where there is one. */
  readonly other?: Desk;
  /** The other side is shown in its place. */
  readonly isHidden?: boolean;
  readonly onTicket: (ticketId: string | null) => void;
  readonly onPerson: (person: Person) => void;
}) {
  const { desk, other, isHidden = false, onTicket, onPerson } = props;
  const isReady = useStateOf(desk, (state) => state.phase === 'ready');
  const isPulled = useStateOf(desk, (state) => state.cable.kind === 'pulled');
  const hasOpenTicket = useStateOf(desk, (state) => state.openTicketId !== null);
  useWatching(desk, isHidden);
  const { me } = desk;
  const classes = ['pane', isPulled ? 'is-pulled' : '', isHidden ? 'is-hidden' : ''];
  return (
    <DeskProvider value={desk}>
      <section className={classes.join(' ').trim()} aria-label={`${texts.roles[me.role]}: ${me.fullName}`}>
        <PaneHead onPerson={onPerson} onTicket={onTicket} />
        {isReady ? (
          <>
            <div className={hasOpenTicket ? 'desk shows-ticket' : 'desk'}>
              <TicketList onTicket={onTicket} />
              <TicketView onBack={() => onTicket(null)} />
            </div>
            <LinePanel other={other} />
          </>
        ) : (
          <OpeningDesk />
        )}
        <Toasts onTicket={onTicket} />
        <Announcer />
      </section>
    </DeskProvider>
  );
}

function OpeningDesk() {
  const desk = useDesk();
  const hasFailed = useDeskState((state) => state.phase === 'failed');
  return (
    <div className="opening">
      <Opening hasFailed={hasFailed} onRetry={() => void desk.open()} />
    </div>
  );
}

/** Reads new messages to whoever listens rather than looks. */
function Announcer() {
  const announcement = useDeskState((state) => state.announcement);
  return <VisuallyHidden aria-live="polite">{announcement}</VisuallyHidden>;
}

/** Messages count as read while the person can see them. */
function useWatching(desk: Desk, isHidden: boolean): void {
  useEffect(() => {
    const update = (): void => desk.setWatching(!isHidden && document.visibilityState === 'visible');
    update();
    document.addEventListener('visibilitychange', update);
    return () => document.removeEventListener('visibilitychange', update);
  }, [desk, isHidden]);
}

// One person's workspace on the page: header, tickets, connection panel.
import { VisuallyHidden } from '@mantine/core';
import { useEffect } from 'react';
import type { Person } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import type { Workspace } from '../../workspace/workspace.js';
import { ConnectionPanel } from '../connection/connection-panel.js';
import { LoadingStatus } from '../loading-status.js';
import { TicketList } from '../tickets/ticket-list.js';
import { TicketView } from '../tickets/ticket-view.js';
import { useStateOf, useWorkspace, useWorkspaceState, WorkspaceProvider } from '../use-workspace.js';
import { Toasts } from './toasts.js';
import { WorkspaceHeader } from './workspace-header.js';

/** A workspace on the page. */
export function WorkspaceView(props: {
  readonly workspace: Workspace;
  /** The workspace of the other person on the page, if there is one. */
  readonly other?: Workspace;
  /** True while the page shows only the side of the other person. */
  readonly isHidden?: boolean;
  readonly onTicket: (ticketId: string | null) => void;
  readonly onPerson: (person: Person) => void;
}) {
  const { workspace, other, isHidden = false, onTicket, onPerson } = props;
  const isReady = useStateOf(workspace, (state) => state.phase === 'ready');
  const isCut = useStateOf(workspace, (state) => state.trial.kind === 'cut');
  const hasOpenTicket = useStateOf(workspace, (state) => state.openTicketId !== null);
  useVisibility(workspace, isHidden);
  const { me } = workspace;
  const classes = ['workspace', isCut ? 'is-cut' : '', isHidden ? 'is-hidden' : ''];
  return (
    <WorkspaceProvider value={workspace}>
      <section className={classes.join(' ').trim()} aria-label={`${texts.roles[me.role]}: ${me.fullName}`}>
        <WorkspaceHeader onPerson={onPerson} onTicket={onTicket} />
        {isReady ? (
          <>
            <div className={hasOpenTicket ? 'workspace-body shows-ticket' : 'workspace-body'}>
              <TicketList onTicket={onTicket} />
              <TicketView onBack={() => onTicket(null)} />
            </div>
            <ConnectionPanel other={other} />
          </>
        ) : (
          <LoadingWorkspace />
        )}
        <Toasts onTicket={onTicket} />
        <Announcer />
      </section>
    </WorkspaceProvider>
  );
}

function LoadingWorkspace() {
  const workspace = useWorkspace();
  const hasFailed = useWorkspaceState((state) => state.phase === 'failed');
  return (
    <div className="opening">
      <LoadingStatus hasFailed={hasFailed} onRetry={() => void workspace.open()} />
    </div>
  );
}

/** Announces new messages to screen readers. */
function Announcer() {
  const announcement = useWorkspaceState((state) => state.announcement);
  return <VisuallyHidden aria-live="polite">{announcement}</VisuallyHidden>;
}

/** Tells the workspace whether the person can see it, because only visible messages count as read. */
function useVisibility(workspace: Workspace, isHidden: boolean): void {
  useEffect(() => {
    const update = (): void => workspace.setVisible(!isHidden && document.visibilityState === 'visible');
    update();
    document.addEventListener('visibilitychange', update);
    return () => document.removeEventListener('visibilitychange', update);
  }, [workspace, isHidden]);
}

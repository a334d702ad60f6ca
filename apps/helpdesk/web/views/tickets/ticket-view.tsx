// The open ticket: header, remote session, conversation.
import { Button } from '@mantine/core';
import type { Ticket } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useConversation, useTicketRoom } from '../../live/use-conversation.js';
import { useSession } from '../../live/use-session.js';
import { Composer } from '../conversation/composer.js';
import { ConversationView } from '../conversation/conversation-view.js';
import { LoadingStatus } from '../loading-status.js';
import { PageTitle } from '../page-title.js';
import { RemoteBar } from './remote-bar.js';
import { TicketHead } from './ticket-head.js';
import { Viewers } from './viewers.js';

interface TicketViewProps {
  readonly ticketId: string | null;
  /** The tickets of the list. */
  readonly tickets: readonly Ticket[];
  /** True while the person can see the ticket, because only visible messages count as read. */
  readonly isVisible: boolean;
  /** True if this view sets the title of the page. */
  readonly setsTitle: boolean;
  readonly onBack: () => void;
}

/** The open ticket, or a message that no ticket is open. */
export function TicketView(props: TicketViewProps) {
  const { ticketId, tickets, setsTitle, onBack } = props;
  const { me } = useSession();
  const { value: room, hasFailed, retry } = useTicketRoom(ticketId, tickets);
  const isMissing = room === 'missing';
  if (ticketId !== null && room !== null && !isMissing)
    return <OpenTicket key={ticketId} {...props} ticketId={ticketId} roomId={room.id} />;
  const list = me.role === 'agent' ? texts.list.agentTitle : texts.list.requesterTitle;
  return (
    <div className="open-ticket" aria-busy={ticketId !== null && room === null}>
      <div className={room === null && ticketId !== null ? 'nothing-open is-loading' : 'nothing-open'}>
        {ticketId === null && <p>{texts.ticket.choose}</p>}
        {ticketId !== null && room === null && <LoadingStatus hasFailed={hasFailed} onRetry={retry} />}
        {isMissing && (
          <>
            <p role="alert">{texts.ticket.missing}</p>
            <Button variant="default" size="sm" onClick={onBack}>
              {texts.list.back}
            </Button>
          </>
        )}
      </div>
      {setsTitle && ticketId === null && <PageTitle page={list} />}
      {setsTitle && isMissing && <PageTitle page={texts.ticket.missing} />}
    </div>
  );
}

function OpenTicket(props: TicketViewProps & { readonly ticketId: string; readonly roomId: string }) {
  const { ticketId, roomId, isVisible, setsTitle, onBack } = props;
  const load = useConversation(ticketId, roomId);
  const { state: conversation } = load;
  if (conversation === undefined) {
    return (
      <div className="open-ticket" aria-busy="true">
        <div className="nothing-open is-loading">
          <LoadingStatus hasFailed={load.error !== undefined} onRetry={load.reload} />
        </div>
      </div>
    );
  }
  const { ticket } = conversation;
  const remoteSession = conversation.remoteSession?.state === 'ended' ? null : conversation.remoteSession;
  return (
    <div className="open-ticket" data-open-ticket={ticket.number}>
      {setsTitle && <PageTitle page={texts.product.ticketTitle(ticket.number, ticket.subject)} />}
      <TicketHead ticket={ticket} mayInvite={remoteSession === null} onBack={onBack}>
        <Viewers roomId={roomId} isVisible={isVisible} />
      </TicketHead>
      {remoteSession === null ? <div /> : <RemoteBar remoteSession={remoteSession} />}
      <ConversationView
        conversation={conversation}
        isCurrent={load.status === 'live'}
        isVisible={isVisible}
        onEarlier={load.hasEarlier ? load.loadEarlier : undefined}
      />
      <Composer ticketId={ticketId} roomId={roomId} />
    </div>
  );
}

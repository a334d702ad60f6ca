// The remote session of the open ticket: an invitation, or a session that is active.
import { Button } from '@mantine/core';
import { MonitorIcon } from 'lucide-react';
import type { RemoteSession, RemoteSessionAction } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useSession } from '../../live/use-session.js';
import { useRequest } from './use-request.js';

/** The bar of a remote session that has not ended. */
export function RemoteBar({ remoteSession }: { readonly remoteSession: RemoteSession }) {
  const { api, me, people } = useSession();
  const { run, hasFailed } = useRequest();
  const { id, state, mode } = remoteSession;
  const isRequester = me.id === remoteSession.requesterId;
  const agent = people.get(remoteSession.agentId)?.fullName ?? '';
  const requester = people.get(remoteSession.requesterId)?.fullName ?? '';
  const text =
    state === 'active'
      ? isRequester
        ? texts.remote.active(mode, agent)
        : texts.remote.activeAgent(mode, requester)
      : isRequester
        ? texts.remote.invitation(agent, mode)
        : texts.remote.invited(requester);
  const act = (action: RemoteSessionAction): void => run(api.actOnRemoteSession(id, action));
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
            <Button size="xs" onClick={() => act('accept')}>
              {texts.remote.accept}
            </Button>
            <Button size="xs" variant="default" onClick={() => act('decline')}>
              {texts.remote.decline}
            </Button>
          </>
        ) : (
          <Button size="xs" variant="default" onClick={() => act('end')}>
            {state === 'active' ? texts.remote.end : texts.remote.withdraw}
          </Button>
        )}
      </div>
    </div>
  );
}

// Components for tests.
import type { Client } from '@millrace/client';
import { type ReactElement, type ReactNode, StrictMode } from 'react';
import { MillraceProvider, useEvents, useRoom } from '../../src/index.js';

/** A page of an application: StrictMode, and a provider with a short grace. */
export function App({
  client,
  graceMs = 100,
  children,
}: {
  readonly client: Client | null;
  readonly graceMs?: number;
  readonly children?: ReactNode;
}): ReactElement {
  return (
    <StrictMode>
      <MillraceProvider client={client} graceMs={graceMs}>
        {children}
      </MillraceProvider>
    </StrictMode>
  );
}

/** Shows the status of a room. */
export function Status({ room }: { readonly room: string | null }): ReactElement {
  const { id, status, error } = useRoom(room);
  return (
    <p>
      {id ?? 'no room'} {status}
      {error === undefined ? '' : `: ${error.code}`}
    </p>
  );
}

/** Writes the texts of a room's messages to `log`, together with the room that the component shows. */
export function Log({ room, log }: { readonly room: string; readonly log: string[] }): null {
  useEvents(room, 'chat_message', ({ room_id: from, payload }) => {
    log.push(`${room}: ${from === room ? '' : `from ${from}: `}${payload.content}`);
  });
  return null;
}

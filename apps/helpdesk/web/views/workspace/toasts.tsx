// Notifications that have just arrived. They disappear after a few seconds, but stay in the list under the
// bell.
import { CloseButton, UnstyledButton } from '@mantine/core';
import { useEffect } from 'react';
import { texts } from '../../../src/texts.js';
import type { Toast } from '../../state/workspace-state.js';
import { useWorkspace, useWorkspaceState } from '../use-workspace.js';

const shownForMs = 6_000;

/** The toasts of a workspace. */
export function Toasts({ onTicket }: { readonly onTicket: (ticketId: string) => void }) {
  const toasts = useWorkspaceState((state) => state.toasts);
  return (
    <div className="toasts" role="status">
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} onTicket={onTicket} />
      ))}
    </div>
  );
}

function ToastCard({
  toast,
  onTicket,
}: {
  readonly toast: Toast;
  readonly onTicket: (ticketId: string) => void;
}) {
  const workspace = useWorkspace();
  const { id, title, body, ticketId } = toast;
  useEffect(() => {
    const timer = setTimeout(() => workspace.dismissToast(id), shownForMs);
    return () => clearTimeout(timer);
  }, [workspace, id]);
  return (
    <div className="toast">
      <UnstyledButton
        className="toast-text"
        onClick={() => {
          workspace.dismissToast(id);
          if (ticketId !== null) onTicket(ticketId);
        }}
      >
        <span className="notice-title">{title}</span>
        <span className="notice-body">{body}</span>
      </UnstyledButton>
      <CloseButton size="sm" aria-label={texts.bell.dismiss} onClick={() => workspace.dismissToast(id)} />
    </div>
  );
}

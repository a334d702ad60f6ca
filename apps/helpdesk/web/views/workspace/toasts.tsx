// Notifications that just came in. They go by themselves; the bell keeps them.
import { CloseButton, UnstyledButton } from '@mantine/core';
import { useEffect } from 'react';
import { texts } from '../../../src/texts.js';
import type { Toast } from '../../state/workspace-state.js';
import { useDesk, useDeskState } from '../use-workspace.js';

const shownForMs = 6_000;

/** The toasts of a pane. */
export function Toasts({ onTicket }: { readonly onTicket: (ticketId: string) => void }) {
  const toasts = useDeskState((state) => state.toasts);
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
  const desk = useDesk();
  const { id, title, body, ticketId } = toast;
  useEffect(() => {
    const timer = setTimeout(() => desk.dismissToast(id), shownForMs);
    return () => clearTimeout(timer);
  }, [desk, id]);
  return (
    <div className="toast">
      <UnstyledButton
        className="toast-text"
        onClick={() => {
          desk.dismissToast(id);
          if (ticketId !== null) onTicket(ticketId);
        }}
      >
        <span className="notice-title">{title}</span>
        <span className="notice-body">{body}</span>
      </UnstyledButton>
      <CloseButton size="sm" aria-label={texts.bell.dismiss} onClick={() => desk.dismissToast(id)} />
    </div>
  );
}

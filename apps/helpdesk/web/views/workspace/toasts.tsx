// Notifications that have just arrived. They disappear after a few seconds, but stay in the list under the
// bell.
import { CloseButton, UnstyledButton } from '@mantine/core';
import { useEvents } from '@millrace/react';
import { useCallback, useEffect, useState } from 'react';
import type { Notification } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { notificationIn, ownRoomId } from '../../live/notifications.js';

const shownForMs = 6_000;
const maxToasts = 3;

/** The toasts of a workspace. */
export function Toasts({ onTicket }: { readonly onTicket: (ticketId: string) => void }) {
  const [toasts, setToasts] = useState<readonly Notification[]>([]);
  useEvents(ownRoomId, 'notification', (event) =>
    setToasts((shown) => [...shown, notificationIn(event)].slice(-maxToasts)),
  );
  const dismiss = useCallback(
    (id: string): void => setToasts((shown) => shown.filter((toast) => toast.id !== id)),
    [],
  );
  return (
    <div className="toasts" role="status">
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} onTicket={onTicket} onDismiss={dismiss} />
      ))}
    </div>
  );
}

function ToastCard(props: {
  readonly toast: Notification;
  readonly onTicket: (ticketId: string) => void;
  readonly onDismiss: (id: string) => void;
}) {
  const { toast, onTicket, onDismiss } = props;
  const { id, title, body, ticketId } = toast;
  useEffect(() => {
    const timer = setTimeout(() => onDismiss(id), shownForMs);
    return () => clearTimeout(timer);
  }, [onDismiss, id]);
  return (
    <div className="toast">
      <UnstyledButton
        className="toast-text"
        onClick={() => {
          onDismiss(id);
          if (ticketId !== null) onTicket(ticketId);
        }}
      >
        <span className="notice-title">{title}</span>
        <span className="notice-body">{body}</span>
      </UnstyledButton>
      <CloseButton size="sm" aria-label={texts.bell.dismiss} onClick={() => onDismiss(id)} />
    </div>
  );
}

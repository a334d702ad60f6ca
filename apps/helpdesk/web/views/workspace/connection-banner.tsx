// The banner that is shown while the gateway is down. A short interruption, such as a restart of a gateway, shows no banner.
import { useDebouncedValue } from '@mantine/hooks';
import { useConnection } from '@millrace/react';
import { CloudOffIcon } from 'lucide-react';
import { useStore } from 'zustand';
import { texts } from '../../../src/texts.js';
import { useSession } from '../../live/use-session.js';

/** Milliseconds without a connection before the banner appears. */
const patienceMs = 1_500;

/**
 * The banner. It is empty while there is a connection, and while the person has cut the connection themselves.
 *
 * @param isPolling true while the page gets changes without a connection, by asking for them
 */
export function ConnectionBanner({ isPolling }: { readonly isPolling: boolean }) {
  const { trial } = useSession();
  const isOwnDoing = useStore(trial.store, ({ kind }) => kind !== 'idle');
  const { state } = useConnection();
  const isDown = !isOwnDoing && (state === 'connecting' || state === 'reconnecting');
  const [wasDown] = useDebouncedValue(isDown, patienceMs);
  const isShown = isDown && wasDown;
  return (
    <div className="banner" role="status">
      {isShown && (
        <>
          <CloudOffIcon />
          <p>
            <strong>{isPolling ? texts.connection.polling : texts.connection.down}</strong>{' '}
            {isPolling ? texts.connection.pollingBody : texts.connection.downBody}
          </p>
        </>
      )}
    </div>
  );
}

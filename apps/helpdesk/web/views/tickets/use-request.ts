// Requests that change the open ticket.
import { useCallback, useState } from 'react';

/** Waits for requests, and reports whether the last one failed. */
export function useRequest() {
  const [hasFailed, setHasFailed] = useState(false);
  const run = useCallback((request: Promise<unknown>): void => {
    setHasFailed(false);
    request.catch(() => setHasFailed(true));
  }, []);
  return { run, hasFailed };
}

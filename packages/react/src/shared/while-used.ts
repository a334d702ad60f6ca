// Counts the users of something that starts with the first user and stops after the last one.
import type { Unsubscribe } from '@millrace/client';

/**
 * Returns a function that adds a user. It returns a function that removes this user. The first user calls `start`. `graceMs`
 * after the last user was removed, the function that `start` returned is called, unless a new user came. The grace covers
 * effects that StrictMode runs twice, and components that replace each other: nothing stops and starts for them.
 */
export function whileUsed(start: () => Unsubscribe, graceMs: () => number): () => Unsubscribe {
  let users = 0;
  let stop: Unsubscribe | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    const stopNow = stop;
    stop = undefined;
    stopNow?.();
  };
  return () => {
    clearTimeout(timer);
    stop ??= start();
    users += 1;
    let isUser = true;
    return () => {
      if (!isUser) return;
      isUser = false;
      users -= 1;
      if (users === 0) timer = setTimeout(end, graceMs());
    };
  };
}

/*
 * A deadline for the replies of Redis.
 */

/**
 * Waits for a reply. Rejects if the reply takes longer than `timeoutMs`. A late reply is ignored.
 * @param onTimeout called just before the promise is rejected
 */
export async function within<Reply>(
  timeoutMs: number,
  reply: Promise<Reply>,
  onTimeout?: () => void,
): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const timeout = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => {
      if (isOver) return;
      onTimeout?.();
      reject(new Error(`Redis did not answer within ${timeoutMs} ms`));
    };
    // In each turn of the event loop, timers run before sockets, and `setImmediate` runs after them. A reply that has already
    // arrived is therefore read first.
    timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
  });
  try {
    return await Promise.race([reply, timeout]);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

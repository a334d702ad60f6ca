/*
 * A deadline for replies of Redis.
 */

/**
 * Rejects when the reply takes longer; it is then ignored.
 * @param onTimeout called before it rejects
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
    // Timers come before sockets in a turn of the event loop: a reply that is there already is read first.
    timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
  });
  try {
    return await Promise.race([reply, timeout]);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

/*
 * A deadline for replies of Redis.
 */

/**
 * Rejects when the reply takes longer; a late reply is ignored.
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
    // Timers run before sockets in a turn of the event loop: this way a reply that has already arrived is read first.
    timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
  });
  try {
    return await Promise.race([reply, timeout]);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

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
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      onTimeout?.();
      reject(new Error(`Redis did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([reply, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

// Collects the results of calls for several streams, of which the store may refuse some.
import { isRefusal } from '../../errors.js';

/**
 * Waits for all promises. Resolves to the results in order, without those that the store refused.
 * @throws the first failure that is not a refusal, or the first refusal if nothing was accepted
 */
export async function acceptedOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  const failures = settled.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  const accepted = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = failures.find((error) => !isRefusal(error)) ?? failures[0];
  if (failure !== undefined && (accepted.length === 0 || !isRefusal(failure))) throw failure;
  return accepted;
}

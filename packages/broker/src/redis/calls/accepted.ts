// Work on several streams at once, of which the store may refuse some.
import { isRefusal } from '../../errors.js';

/**
 * Waits for all of it and gives the results in order, those that the store refused left out.
 * @throws the first failure that is no refusal, or a refusal when nothing was accepted
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

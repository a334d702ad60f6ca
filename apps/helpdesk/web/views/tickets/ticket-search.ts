// Searches the tickets in the database. The list on the page cannot be searched, because it does not contain the messages.
import { useDebouncedValue } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { Ticket } from '../../../src/api-types.js';
import { useSession } from '../../live/use-session.js';

/** Milliseconds without a keystroke before a search begins. */
const pauseMs = 200;

/** The result of a search: the tickets, `searching` before the first answer, or `failed`. */
export type TicketSearch = readonly Ticket[] | 'searching' | 'failed';

/**
 * Returns the tickets that contain every word of a text. Repeats the search when the list of tickets changes, so that it
 * finds new messages, too. A ticket that is in the list is returned as the list has it.
 */
export function useTicketSearch(text: string, tickets: readonly Ticket[]): TicketSearch {
  const { api } = useSession();
  const [words] = useDebouncedValue(text, pauseMs);
  const [result, setResult] = useState<TicketSearch>('searching');
  useEffect(() => {
    if (words === '') {
      setResult('searching');
      return undefined;
    }
    let isCurrent = true;
    api.search(words).then(
      (found) => isCurrent && setResult(found),
      () => isCurrent && setResult('failed'),
    );
    return () => {
      isCurrent = false;
    };
  }, [api, words, tickets]);
  if (typeof result === 'string') return result;
  return result.map((found) => tickets.find(({ id }) => id === found.id) ?? found);
}

// Asks the helpdesk for what is loaded before there is a room that keeps it current.
import { useEffect, useState } from 'react';

/** An answer of the helpdesk. `value` is null until it has arrived. */
export interface Answer<Value> {
  readonly value: Value | null;
  readonly hasFailed: boolean;
  readonly retry: () => void;
}

/** The outcome of a question. Has no `value` if the question failed. */
interface Outcome<Value> {
  readonly ask: () => Promise<Value>;
  readonly value?: Value;
}

/** Asks while the view is on the page, and again when `ask` is another function. An answer to an earlier question is ignored. */
export function useAnswer<Value>(ask: () => Promise<Value>): Answer<Value> {
  const [attempt, setAttempt] = useState(1);
  const [outcome, setOutcome] = useState<Outcome<Value>>();
  useEffect(() => {
    let isCurrent = true;
    setOutcome(undefined);
    ask().then(
      (value) => isCurrent && setOutcome({ ask, value }),
      (error: unknown) => {
        console.warn(error);
        if (isCurrent) setOutcome({ ask });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [ask, attempt]);
  const own = outcome?.ask === ask ? outcome : undefined;
  return {
    value: own?.value ?? null,
    hasFailed: own !== undefined && own.value === undefined,
    retry: () => setAttempt((count) => count + 1),
  };
}

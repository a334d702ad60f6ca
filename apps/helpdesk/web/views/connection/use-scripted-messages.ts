// Sends scripted messages as a person. A visitor cannot write for two people at once.
import { useInterval } from '@mantine/hooks';
import { texts } from '../../../src/texts.js';
import type { PersonSession } from '../../live/person-session.js';

const pauseMs = 650;

/** The next line of each person's script, so that the script continues where it stopped. */
const nextLine = new WeakMap<PersonSession, number>();

/** Sends the script of a person's role once, message by message, into the ticket that the person has open. */
export function useScriptedMessages(session: PersonSession) {
  const lines = texts.script[session.me.role];
  const writeOne = (): void => {
    const index = nextLine.get(session) ?? 0;
    nextLine.set(session, index + 1);
    if (session.shown !== undefined)
      void session.outgoing.write(session.shown.ticketId, lines[index % lines.length] ?? '');
    if ((index + 1) % lines.length === 0) interval.stop();
  };
  const interval = useInterval(writeOne, pauseMs);
  const write = (): void => {
    interval.start();
    writeOne();
  };
  return { isWriting: interval.active, write };
}

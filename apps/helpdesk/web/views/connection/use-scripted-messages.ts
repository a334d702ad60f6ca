// Lets a person write by itself for a while: one visitor has two hands and two people to play.
import { useEffect, useRef, useState } from 'react';
import { texts } from '../../../src/texts.js';
import type { Desk } from '../../workspace/workspace.js';

const pauseMs = 650;

/** Where each person's script goes on, so that it does not begin anew each time. */
const nextLine = new WeakMap<Desk, number>();

/** Writes the lines of a person's role, one after the other. */
export function useScript(desk: Desk) {
  const [isWriting, setIsWriting] = useState(false);
  const timer = useRef<ReturnType<typeof setInterval> | undefined>(undefined);
  useEffect(() => () => clearInterval(timer.current), []);

  const write = (): void => {
    const lines = texts.script[desk.me.role];
    const ticketId = desk.store.getState().openTicketId;
    if (ticketId === null) return;
    let left = lines.length;
    const writeOne = (): void => {
      const index = nextLine.get(desk) ?? 0;
      nextLine.set(desk, index + 1);
      void desk.send(ticketId, lines[index % lines.length] ?? '');
      left -= 1;
      if (left > 0) return;
      clearInterval(timer.current);
      setIsWriting(false);
    };
    setIsWriting(true);
    writeOne();
    timer.current = setInterval(writeOne, pauseMs);
  };
  return { isWriting, write };
}

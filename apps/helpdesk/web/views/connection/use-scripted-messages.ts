// Sends scripted messages as a person, because a visitor cannot write for two people at once.
import { useEffect, useRef, useState } from 'react';
import { texts } from '../../../src/texts.js';
import type { Workspace } from '../../workspace/workspace.js';

const pauseMs = 650;

/** The next line of each person's script, so that the script continues where it stopped. */
const nextLine = new WeakMap<Workspace, number>();

/** Sends the script of a person's role, message by message. */
export function useScriptedMessages(workspace: Workspace) {
  const [isWriting, setIsWriting] = useState(false);
  const timer = useRef<ReturnType<typeof setInterval> | undefined>(undefined);
  useEffect(() => () => clearInterval(timer.current), []);

  const write = (): void => {
    const lines = texts.script[workspace.me.role];
    const ticketId = workspace.store.getState().openTicketId;
    if (ticketId === null) return;
    let left = lines.length;
    const writeOne = (): void => {
      const index = nextLine.get(workspace) ?? 0;
      nextLine.set(workspace, index + 1);
      void workspace.send(ticketId, lines[index % lines.length] ?? '');
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

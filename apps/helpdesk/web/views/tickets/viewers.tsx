// The other people who have the ticket open.
import { VisuallyHidden } from '@mantine/core';
import { usePresence, useRoom } from '@millrace/react';
import { texts } from '../../../src/texts.js';
import { useSession } from '../../live/use-session.js';
import { Avatar } from '../avatar.js';

/** The state of this person that the other people see. */
type Viewing = 'viewing' | 'away';

/** The avatars of the other people who have the ticket open. People whose page is in the background are shown as away. */
export function Viewers(props: {
  readonly roomId: string;
  /** True while this person can see the ticket. */
  readonly isVisible: boolean;
}) {
  const { roomId, isVisible } = props;
  const { me, people } = useSession();
  const own: Viewing = isVisible ? 'viewing' : 'away';
  const { list } = usePresence(roomId, own);
  // Without a connection, it is not known who is there.
  const isKnown = useRoom(roomId).status === 'live';
  const others = list.flatMap(({ user_id: id, state }) => {
    const person = id === me.id ? undefined : people.get(id);
    return person === undefined ? [] : [{ person, isAway: state === 'away' }];
  });
  return (
    <ul className="viewers" aria-label={texts.ticket.viewers}>
      {isKnown &&
        others.map(({ person, isAway }) => {
          const text = isAway ? texts.ticket.away(person.fullName) : texts.ticket.viewing(person.fullName);
          return (
            <li key={person.id} className={isAway ? 'is-away' : undefined} title={text}>
              <Avatar person={person} size="1.625rem" />
              <VisuallyHidden>{text}</VisuallyHidden>
            </li>
          );
        })}
    </ul>
  );
}

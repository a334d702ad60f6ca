// Choosing who one is: the demo's whole login.
import type { Person, Role } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { Avatar } from './avatar.js';
import { navigate, pathOf } from './route.js';

/** The people of one role to choose from. */
export function SignIn({
  people,
  role,
  ticketId,
}: {
  readonly people: readonly Person[];
  readonly role: Role;
  readonly ticketId: string | null;
}) {
  return (
    <main id="content" className="sign-in" tabIndex={-1}>
      <h1>{texts.signIn.title}</h1>
      <p className="sign-in-lead">{texts.signIn.lead}</p>
      <ul className="sign-in-grid">
        {people
          .filter((person) => person.role === role)
          .map((person) => {
            const target = { view: role, ticketId, as: person.username };
            return (
              <li key={person.id}>
                <a
                  className="sign-in-person"
                  href={pathOf(target)}
                  onClick={(event) => {
                    event.preventDefault();
                    navigate(target);
                  }}
                >
                  <Avatar person={person} size="2.5rem" />
                  <span>
                    <span className="person-name">{person.fullName}</span>
                    <span className="person-title">{person.title}</span>
                  </span>
                </a>
              </li>
            );
          })}
      </ul>
    </main>
  );
}

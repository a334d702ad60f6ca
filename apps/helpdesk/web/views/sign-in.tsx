// The sign-in of the demo: choosing a person.
import { Button } from '@mantine/core';
import { Link } from 'wouter';
import type { Person, Role } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { pathOf } from '../routing/page-route.js';
import { Avatar } from './avatar.js';
import { PageTitle } from './page-title.js';

/** A page on which a visitor chooses a person of one role. */
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
      <PageTitle page={texts.signIn.title} />
      <h1>{texts.signIn.title}</h1>
      <p className="sign-in-lead">{texts.signIn.lead}</p>
      <ul className="sign-in-grid">
        {people
          .filter((person) => person.role === role)
          .map((person) => (
            <li key={person.id}>
              <Button
                component={Link}
                href={pathOf({ view: role, ticketId, as: person.username })}
                variant="default"
                size="xl"
                fullWidth
                justify="start"
                leftSection={<Avatar person={person} size="2.5rem" />}
              >
                <span>
                  <span className="person-name">{person.fullName}</span>
                  <span className="person-title">{person.title}</span>
                </span>
              </Button>
            </li>
          ))}
      </ul>
    </main>
  );
}

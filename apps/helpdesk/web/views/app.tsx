// The whole page. The address determines the view and the people.
import { useMemo } from 'react';
import type { Person } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { loadPeople } from '../live/helpdesk-api.js';
import { useAnswer } from '../live/use-answer.js';
import { type PageRoute, usePageRoute } from '../routing/page-route.js';
import { personInRoute } from '../routing/people-in-route.js';
import { LoadingStatus } from './loading-status.js';
import { NotFound } from './not-found.js';
import { OnePersonPage, TwoPersonPage } from './pages.js';
import { SignIn } from './sign-in.js';
import { TopBar } from './top-bar.js';

/** The page. */
export function App() {
  const route = usePageRoute();
  const { value: people, hasFailed, retry } = useAnswer(loadPeople);
  return (
    <div className="page">
      <a className="skip-link" href="#content">
        {texts.top.skip}
      </a>
      <TopBar route={route} people={people ?? []} />
      {route === null ? (
        <NotFound />
      ) : people === null ? (
        <main id="content" className="opening" tabIndex={-1}>
          <LoadingStatus hasFailed={hasFailed} onRetry={retry} />
        </main>
      ) : (
        <View route={route} people={people} />
      )}
    </div>
  );
}

function View({ route, people }: { readonly route: PageRoute; readonly people: readonly Person[] }) {
  const byId = useMemo(() => new Map(people.map((person) => [person.id, person])), [people]);
  if (route.view !== 'split') {
    const person = personInRoute(route, route.view, people);
    if (person === undefined) return <SignIn people={people} role={route.view} ticketId={route.ticketId} />;
    return <OnePersonPage key={person.id} person={person} people={byId} route={route} />;
  }
  const agent = personInRoute(route, 'agent', people);
  const requester = personInRoute(route, 'requester', people);
  if (agent === undefined || requester === undefined) return null;
  return <TwoPersonPage agent={agent} requester={requester} people={byId} route={route} />;
}

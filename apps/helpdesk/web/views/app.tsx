// The whole page. The address determines the view and the people.
import { useEffect, useMemo, useState } from 'react';
import type { Person } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { usePageRoute } from '../routing/page-route.js';
import { personInRoute } from '../routing/people-in-route.js';
import { loadPeople } from '../workspace/helpdesk-api.js';
import { LoadingStatus } from './loading-status.js';
import { OnePersonPage, TwoPersonPage } from './pages.js';
import { SignIn } from './sign-in.js';
import { TopBar } from './top-bar.js';

/** The page. */
export function App() {
  const route = usePageRoute();
  const { people, hasFailed, load } = usePeople();
  return (
    <div className="page">
      <a className="skip-link" href="#content">
        {texts.top.skip}
      </a>
      <TopBar route={route} people={people ?? []} />
      {people === null ? (
        <main id="content" className="opening" tabIndex={-1}>
          <LoadingStatus hasFailed={hasFailed} onRetry={load} />
        </main>
      ) : (
        <View route={route} people={people} />
      )}
    </div>
  );
}

function View({
  route,
  people,
}: {
  readonly route: ReturnType<typeof usePageRoute>;
  readonly people: readonly Person[];
}) {
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

function usePeople() {
  const [people, setPeople] = useState<readonly Person[] | null>(null);
  const [hasFailed, setHasFailed] = useState(false);
  const load = (): void => {
    setHasFailed(false);
    loadPeople().then(setPeople, () => setHasFailed(true));
  };
  useEffect(load, []);
  return { people, hasFailed, load };
}

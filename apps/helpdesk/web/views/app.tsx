// The page: which people, which view.
import { useEffect, useMemo, useState } from 'react';
import type { Person } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { useRoute } from '../routing/page-route.js';
import { personOn } from '../routing/people-in-route.js';
import { loadPeople } from '../workspace/helpdesk-api.js';
import { Opening } from './loading-status.js';
import { AlonePage, SplitPage } from './pages.js';
import { SignIn } from './sign-in.js';
import { TopBar } from './top-bar.js';

/** Everything on the page. */
export function App() {
  const route = useRoute();
  const { people, hasFailed, load } = usePeople();
  return (
    <div className="page">
      <a className="skip-link" href="#content">
        {texts.top.skip}
      </a>
      <TopBar route={route} people={people ?? []} />
      {people === null ? (
        <main id="content" className="opening" tabIndex={-1}>
          <Opening hasFailed={hasFailed} onRetry={load} />
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
  readonly route: ReturnType<typeof useRoute>;
  readonly people: readonly Person[];
}) {
  const byId = useMemo(() => new Map(people.map((person) => [person.id, person])), [people]);
  if (route.view !== 'split') {
    const person = personOn(route, route.view, people);
    if (person === undefined) return <SignIn people={people} role={route.view} ticketId={route.ticketId} />;
    return <AlonePage key={person.id} person={person} people={byId} route={route} />;
  }
  const agent = personOn(route, 'agent', people);
  const requester = personOn(route, 'requester', people);
  if (agent === undefined || requester === undefined) return null;
  return <SplitPage agent={agent} requester={requester} people={byId} route={route} />;
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

// The people that an address shows, and its links to other views.
import { expect, test } from 'vitest';
import type { Person } from '../src/api-types.js';
import type { PageRoute } from '../web/routing/page-route.js';
import { personInRoute, routeToView } from '../web/routing/people-in-route.js';

const person = (role: Person['role'], username: string): Person => ({
  id: username,
  role,
  username,
  fullName: username,
  title: '',
});
const people = [
  person('agent', 'maria'),
  person('agent', 'aiko'),
  person('requester', 'noa'),
  person('requester', 'priya'),
];
const split: PageRoute = { view: 'split', ticketId: 'T', as: null, agent: null, requester: null };

test('links from the side-by-side view lead to views of the people who are shown', () => {
  expect(routeToView('agent', split, people)).toMatchObject({ view: 'agent', ticketId: 'T', as: 'maria' });
  expect(routeToView('requester', split, people)).toMatchObject({ view: 'requester', as: 'noa' });
  const others = { ...split, agent: 'aiko', requester: 'priya' };
  expect(routeToView('agent', others, people).as).toBe('aiko');
  expect(routeToView('requester', others, people).as).toBe('priya');
  expect(routeToView('split', others, people)).toEqual(others);
});

test('links from one person’s view keep this person, except the link to the other role’s view', () => {
  const alone: PageRoute = { ...split, view: 'agent', as: 'aiko' };
  expect(routeToView('split', alone, people)).toMatchObject({
    view: 'split',
    agent: 'aiko',
    requester: null,
  });
  expect(routeToView('requester', alone, people).as).toBeNull();
  expect(routeToView('agent', alone, people).as).toBe('aiko');
});

test('a username in an address is ignored if it is unknown or belongs to the other role', () => {
  expect(personInRoute({ ...split, view: 'agent', as: 'noa' }, 'agent', people)).toBeUndefined();
  expect(personInRoute({ ...split, agent: 'nobody' }, 'agent', people)?.username).toBe('maria');
  expect(personInRoute(split, 'agent', [])).toBeUndefined();
});

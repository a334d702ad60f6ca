// The people of an address, and the links to the other views.
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

test('links from the side-by-side view lead to the people who are shown', () => {
  expect(routeToView('agent', split, people)).toMatchObject({ view: 'agent', ticketId: 'T', as: 'maria' });
  expect(routeToView('requester', split, people)).toMatchObject({ view: 'requester', as: 'noa' });
  const others = { ...split, agent: 'aiko', requester: 'priya' };
  expect(routeToView('agent', others, people).as).toBe('aiko');
  expect(routeToView('requester', others, people).as).toBe('priya');
  expect(routeToView('split', others, people)).toEqual(others);
});

test('the link from one person to the side-by-side view keeps that person, and the page asks for the other role', () => {
  const alone: PageRoute = { ...split, view: 'agent', as: 'aiko' };
  expect(routeToView('split', alone, people)).toMatchObject({
    view: 'split',
    agent: 'aiko',
    requester: null,
  });
  expect(routeToView('requester', alone, people).as).toBeNull();
  expect(routeToView('agent', alone, people).as).toBe('aiko');
});

test('a username that is unknown or has the other role is ignored', () => {
  expect(personInRoute({ ...split, view: 'agent', as: 'noa' }, 'agent', people)).toBeUndefined();
  expect(personInRoute({ ...split, agent: 'nobody' }, 'agent', people)?.username).toBe('maria');
  expect(personInRoute(split, 'agent', [])).toBeUndefined();
});

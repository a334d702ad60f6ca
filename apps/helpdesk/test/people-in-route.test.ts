// Where the views' links lead.
import { expect, test } from 'vitest';
import type { Person } from '../src/api-types.js';
import type { Route } from '../web/routing/page-route.js';
import { personOn, routeTo } from '../web/routing/people-in-route.js';

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
const split: Route = { view: 'split', ticketId: 'T', as: null, agent: null, requester: null };

test('from side by side, the links to one person lead to those who are shown', () => {
  expect(routeTo('agent', split, people)).toMatchObject({ view: 'agent', ticketId: 'T', as: 'maria' });
  expect(routeTo('requester', split, people)).toMatchObject({ view: 'requester', as: 'noa' });
  const others = { ...split, agent: 'aiko', requester: 'priya' };
  expect(routeTo('agent', others, people).as).toBe('aiko');
  expect(routeTo('requester', others, people).as).toBe('priya');
  expect(routeTo('split', others, people)).toEqual(others);
});

test('from one person, side by side shows that person, and the other role is asked who it is', () => {
  const alone: Route = { ...split, view: 'agent', as: 'aiko' };
  expect(routeTo('split', alone, people)).toMatchObject({ view: 'split', agent: 'aiko', requester: null });
  expect(routeTo('requester', alone, people).as).toBeNull();
  expect(routeTo('agent', alone, people).as).toBe('aiko');
});

test('a name that nobody has, or somebody of the other role, is nobody', () => {
  expect(personOn({ ...split, view: 'agent', as: 'noa' }, 'agent', people)).toBeUndefined();
  expect(personOn({ ...split, agent: 'nobody' }, 'agent', people)?.username).toBe('maria');
  expect(personOn(split, 'agent', [])).toBeUndefined();
});

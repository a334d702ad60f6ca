// The compiler knows the user that `mayEnter` gets: the result of `userOf`.
import { expectTypeOf, test } from 'vitest';
import type { AppUser } from '../../src/access/app-access.js';
import { type Application, defineApp } from '../../src/application/application.js';

test('mayEnter gets what userOf returns', () => {
  const app = defineApp({
    access: {
      userOf: ({ sub, role }) => ({ id: String(sub), role: String(role) }),
      mayEnter: (user, room) => {
        expectTypeOf(user).toEqualTypeOf<{ id: string; role: string }>();
        expectTypeOf(room).toBeString();
        return user.role === 'agent';
      },
    },
  });
  expectTypeOf(app).toEqualTypeOf<Application>();
});

test('mayEnter gets ID, name and rooms without userOf, and may return a promise', () => {
  defineApp({
    access: {
      mayEnter: async (user) => {
        expectTypeOf(user).toEqualTypeOf<AppUser>();
        return user.rooms?.includes('lobby') ?? false;
      },
    },
  });
});

test('the text claim is a rule, and other texts are none', () => {
  defineApp({ access: { mayEnter: 'claim' } });
  // @ts-expect-error: a rule is a function or the text claim
  defineApp({ access: { mayEnter: 'everybody' } });
  // @ts-expect-error: a user has an ID
  defineApp({ access: { userOf: () => ({ name: 'Ana' }) } });
});

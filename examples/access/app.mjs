// An application module with its own rules: who the user of a token is, and which rooms a user may enter. Serve it with
// npx millrace serve --app ./app.mjs
import { defineApp } from '@millrace/gateway';

const participants = new Map([['ticket-42', new Set(['ana'])]]); // your database

export default defineApp({
  name: 'desk',
  access: {
    userOf: ({ sub, username, role }) => ({ id: sub, name: username, role }),
    mayEnter: async (user, room) => user.role === 'agent' || participants.get(room)?.has(user.id) === true,
  },
});

// The backend: signs tokens, keeps the notes, and publishes an event for each new one.
import { randomUUID } from 'node:crypto';
import express from 'express';
import { SignJWT } from 'jose';

const {
  MILLRACE_JWT_SECRET = '',
  MILLRACE_API_KEYS = '',
  MILLRACE_PORT = '4400',
  BACKEND_PORT,
} = process.env;
const gateway = `http://127.0.0.1:${MILLRACE_PORT}`;

/** @type {{ id: string, text: string }[]} Use your database instead. */
const notes = [];

const app = express();
app.use(express.json());

// Your sign-in says who the user is, and which rooms the user may enter.
app.post('/api/token', async (_request, response) => {
  const token = await new SignJWT({ name: 'A visitor', rooms: ['board'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(randomUUID())
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(MILLRACE_JWT_SECRET));
  response.json({ token });
});

app.get('/api/notes', (_request, response) => {
  response.json(notes);
});

app.post('/api/notes', async (request, response) => {
  const note = { id: randomUUID(), text: String(request.body?.text ?? '') };
  if (note.text === '' || note.text.length > 1_000) {
    response.status(422).json({ detail: 'A note has 1 to 1,000 characters.' });
    return;
  }
  notes.push(note); // save first, then publish
  await publish('note_added', 'board', note);
  response.status(201).json(note);
});

/**
 * Publishes an event to everybody in a room. The ID of the note is that of the event, so a repeated call sends nothing twice.
 *
 * @param {string} type
 * @param {string} room
 * @param {{ id: string }} payload
 */
async function publish(type, room, payload) {
  const response = await fetch(`${gateway}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MILLRACE_API_KEYS}`, 'content-type': 'application/json' },
    body: JSON.stringify({ event_id: payload.id, event_type: type, room_id: room, payload }),
  });
  if (!response.ok) throw new Error(`not published: ${await response.text()}`);
}

app.listen(Number(BACKEND_PORT), '127.0.0.1', (error) => {
  if (error) throw error;
  console.log(`The backend listens on http://127.0.0.1:${BACKEND_PORT}`);
});

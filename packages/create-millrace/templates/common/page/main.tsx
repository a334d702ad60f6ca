// The page: a board of notes. It loads them from the backend, adds each new note at once, and loads them again if events
// were lost.
import { createClient, type DeliveredEvent } from '@millrace/client';
import { MillraceProvider, useRoomState } from '@millrace/react';
import { type FormEvent, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import type { catalog } from '../gateway.mjs';

declare module '@millrace/react' {
  interface Register {
    events: typeof catalog;
  }
}

interface Note {
  readonly id: string;
  readonly text: string;
}

// The connection goes to this page's own origin. The client fetches a token for each connection.
const client = createClient<typeof catalog>({ url: '', accessToken: fetchToken });

function Board() {
  const { status, state: notes = [] } = useRoomState('board', loadNotes, { reduce: withEvent });
  return (
    <main>
      <h1>Notes</h1>
      <form onSubmit={(event) => void addNote(event)}>
        <input name="text" aria-label="Note" maxLength={1_000} required />
        <button type="submit">Add</button>
      </form>
      <p role="status">{status}</p>
      <ul>
        {notes.map(({ id, text }) => (
          <li key={id}>{text}</li>
        ))}
      </ul>
    </main>
  );
}

/** An event that arrived during the load may be in the loaded notes already. */
function withEvent(notes: readonly Note[], { payload }: DeliveredEvent<typeof catalog>): readonly Note[] {
  return notes.some(({ id }) => id === payload.id) ? notes : [...notes, payload];
}

async function loadNotes({ signal }: { readonly signal: AbortSignal }): Promise<readonly Note[]> {
  return call('/api/notes', { signal });
}

async function addNote(event: FormEvent<HTMLFormElement>): Promise<void> {
  event.preventDefault();
  const form = event.currentTarget;
  const body = JSON.stringify({ text: new FormData(form).get('text') });
  await call('/api/notes', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  form.reset();
}

async function fetchToken(): Promise<string> {
  const { token } = await call<{ token: string }>('/api/token', { method: 'POST' });
  return token;
}

async function call<Answer>(path: string, options: RequestInit): Promise<Answer> {
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return response.json();
}

const root = document.getElementById('root');
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <MillraceProvider client={client}>
        <Board />
      </MillraceProvider>
    </StrictMode>,
  );

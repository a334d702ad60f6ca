// The entry point of the page.
import { createClient } from '@millrace/client';
import { MillraceProvider } from '@millrace/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Chat } from './chat.js';

const client = createClient({ url: 'http://localhost:4400' });
const root = document.getElementById('root');
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <MillraceProvider client={client}>
        <Chat />
      </MillraceProvider>
    </StrictMode>,
  );

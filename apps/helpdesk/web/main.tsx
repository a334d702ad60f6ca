// The entry point of the page.
import { MantineProvider } from '@mantine/core';
import { LucideProvider } from 'lucide-react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/index.js';
import { cssVariables, theme } from './theme.js';
import { App } from './views/app.js';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element with the id "root".');

createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <LucideProvider className="icon" strokeWidth={1.8}>
        <App />
      </LucideProvider>
    </MantineProvider>
  </StrictMode>,
);

// The page that is shown at an unknown address.
import { Button } from '@mantine/core';
import { Link } from 'wouter';
import { texts } from '../../src/texts.js';
import { PageTitle } from './page-title.js';

/** Says that the page does not exist, and links to the start. */
export function NotFound() {
  return (
    <main id="content" className="opening" tabIndex={-1}>
      <PageTitle page={texts.notFound.title} />
      <h1>{texts.notFound.title}</h1>
      <p>{texts.notFound.lead}</p>
      <Button component={Link} href="/" variant="default">
        {texts.notFound.back}
      </Button>
    </main>
  );
}

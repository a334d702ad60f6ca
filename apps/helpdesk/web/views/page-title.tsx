// The title of the page, which the browser shows in tabs, history and bookmarks.
import { useEffect } from 'react';
import { texts } from '../../src/texts.js';

/** Sets the title of the page. */
export function PageTitle({ page }: { readonly page: string }) {
  useEffect(() => {
    document.title = texts.product.pageTitle(page);
  }, [page]);
  return null;
}

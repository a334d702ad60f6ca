// A page without a browser, and React on it. It uses React's development code, so StrictMode runs effects twice.
import { Window } from 'happy-dom';
import type { ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot, hydrateRoot, type Root } from 'react-dom/client';
import { vi } from 'vitest';

/** One root element on a page. */
export class TestPage implements Disposable {
  readonly #window = new Window({ url: 'http://localhost/' });
  readonly #element: Element;
  #root: Root | undefined;
  /** Errors from which React recovered, such as a mismatch between the server's HTML and the page. */
  readonly recovered: unknown[] = [];

  /** @param html content of the root element, from a server */
  constructor(html = '') {
    // `unstubGlobals` restores the globals after the test.
    vi.stubGlobal('window', this.#window);
    vi.stubGlobal('document', this.#window.document);
    const { document } = globalThis;
    this.#element = document.createElement('main');
    this.#element.innerHTML = html;
    document.body.append(this.#element);
  }

  /** Renders the element and runs its effects. A further call updates it. */
  show(node: ReactNode): void {
    flushSync(() => {
      this.#root ??= createRoot(this.#element);
      this.#root.render(node);
    });
  }

  /** Attaches the element to the HTML from the server. */
  hydrate(node: ReactNode): void {
    flushSync(() => {
      this.#root = hydrateRoot(this.#element, node, {
        onRecoverableError: (error) => this.recovered.push(error),
      });
    });
  }

  get text(): string {
    return this.#element.textContent ?? '';
  }

  get html(): string {
    return this.#element.innerHTML;
  }

  [Symbol.dispose](): void {
    flushSync(() => this.#root?.unmount());
    this.#root = undefined;
  }
}

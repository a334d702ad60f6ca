// One person's link to the network. All requests and sockets of the person use it. Cutting it disconnects only this person.
import { DefaultHttpClient, type HttpRequest, type HttpResponse, NullLogger } from '@microsoft/signalr';

/** The error of every request and socket while the link is cut. */
class LinkCutError extends Error {
  override readonly name = 'LinkCutError';

  constructor() {
    super('The connection is cut.');
  }
}

/** A link with the states up → cut → up → … */
export class NetworkLink {
  #isCut = false;
  /** Aborts the requests in flight. */
  #cutting = new AbortController();
  readonly #sockets = new Set<WebSocket>();
  readonly #onlineListeners = new Set<() => void>();

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Closes every socket and aborts every request. New sockets and requests fail until {@link restore}. */
  cut(): void {
    this.#isCut = true;
    this.#cutting.abort(new LinkCutError());
    for (const socket of this.#sockets) socket.close();
  }

  /** Allows requests and sockets again and sends the `online` event, as a browser does when its network is back. */
  restore(): void {
    this.#isCut = false;
    this.#cutting = new AbortController();
    for (const listener of this.#onlineListeners) listener();
  }

  /** Calls `fetch` through this link. @throws LinkCutError */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    this.#check();
    return fetch(url, { ...init, signal: this.#cutting.signal });
  }

  /** The source of the `online` event. The client then reconnects at once, without the rest of its back-off. */
  readonly network = {
    addEventListener: (_type: 'online', listener: () => void): void =>
      void this.#onlineListeners.add(listener),
    removeEventListener: (_type: 'online', listener: () => void): void =>
      void this.#onlineListeners.delete(listener),
  };

  /** The WebSocket class and the HTTP client for the SignalR client. */
  get signalr(): { readonly WebSocket: typeof WebSocket; readonly httpClient: DefaultHttpClient } {
    const check = (): void => this.#check();
    const sockets = this.#sockets;
    class LinkedSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        check();
        super(url, protocols);
        sockets.add(this);
        this.addEventListener('close', () => sockets.delete(this));
      }
    }
    class LinkedHttpClient extends DefaultHttpClient {
      override async send(request: HttpRequest): Promise<HttpResponse> {
        check();
        return super.send(request);
      }
    }
    return { WebSocket: LinkedSocket, httpClient: new LinkedHttpClient(NullLogger.instance) };
  }

  #check(): void {
    if (this.#isCut) throw new LinkCutError();
  }
}

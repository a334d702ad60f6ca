// The cable of one person: every request and every socket of that person goes through it, so pulling it really cuts
// them off, and nobody else.
import { DefaultHttpClient, type HttpRequest, type HttpResponse, NullLogger } from '@microsoft/signalr';

/** What a request fails with while the cable is pulled. */
class CablePulledError extends Error {
  override readonly name = 'CablePulledError';

  constructor() {
    super('The cable is pulled.');
  }
}

/** plugged → pulled → plugged → … */
export class Cable {
  #isPlugged = true;
  /** Cuts requests in flight. */
  #cut = new AbortController();
  readonly #sockets = new Set<WebSocket>();
  readonly #onlineListeners = new Set<() => void>();

  get isPlugged(): boolean {
    return this.#isPlugged;
  }

  /** Closes every socket and cuts every request; new ones fail until {@link plug}. */
  pull(): void {
    this.#isPlugged = false;
    this.#cut.abort(new CablePulledError());
    for (const socket of this.#sockets) socket.close();
  }

  /** Lets everything through again, and says so as a browser does when its network is back. */
  plug(): void {
    this.#isPlugged = true;
    this.#cut = new AbortController();
    for (const listener of this.#onlineListeners) listener();
  }

  /** `fetch` through this cable. @throws CablePulledError */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    this.#check();
    return fetch(url, { ...init, signal: this.#cut.signal });
  }

  /** The client waits for this before it tries again early. */
  readonly network = {
    addEventListener: (_type: 'online', listener: () => void): void =>
      void this.#onlineListeners.add(listener),
    removeEventListener: (_type: 'online', listener: () => void): void =>
      void this.#onlineListeners.delete(listener),
  };

  /** How the SignalR client gets its socket and its requests. */
  get signalr(): { readonly WebSocket: typeof WebSocket; readonly httpClient: DefaultHttpClient } {
    const check = (): void => this.#check();
    const sockets = this.#sockets;
    class CableSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        check();
        super(url, protocols);
        sockets.add(this);
        this.addEventListener('close', () => sockets.delete(this));
      }
    }
    class CableHttpClient extends DefaultHttpClient {
      override async send(request: HttpRequest): Promise<HttpResponse> {
        check();
        return super.send(request);
      }
    }
    return { WebSocket: CableSocket, httpClient: new CableHttpClient(NullLogger.instance) };
  }

  #check(): void {
    if (!this.#isPlugged) throw new CablePulledError();
  }
}

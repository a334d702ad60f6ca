/*
 * Turns an upgrade request into a WebSocket transport, with the library `ws`.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type Server as WebSocketServerOf } from 'ws';
import type { HubConnection } from '../connection/hub-connection.js';
import type { Ticker } from '../connection/ticker.js';
import type { TransportName } from '../protocol/negotiate.js';
import { ResumableTransport, type ResumptionLimits } from '../transports/resumable-transport.js';
import { ServerWebSocket, WebSocketTransport } from '../transports/web-socket-transport.js';
import type { Admitter } from './admission.js';
import type { ConnectionRunner, OpeningClient } from './connection-runner.js';
import type { Attached, ConnectionStore, StoredConnection } from './connection-store.js';
import { type HttpAnswer, plainText, UNKNOWN_CONNECTION } from './http-answer.js';
import { CANNOT_CHANGE, transportNotSupported } from './http-transports.js';

/** Constructor dependencies of {@link WebSocketUpgrades}. */
export interface WebSocketUpgradesDependencies {
  readonly store: ConnectionStore;
  readonly runner: Pick<ConnectionRunner, 'begin'>;
  readonly admitter: Admitter;
  readonly transports: ReadonlySet<TransportName>;
  readonly maximumTransportMessageBytes: number;
  readonly ticker: Ticker;
  readonly resumptionLimits: ResumptionLimits;
  readonly onResumed: (connection: HubConnection) => void;
  /** Called when a client returns with credentials that are newer than the previous ones. */
  readonly onRefreshed: (connection: HubConnection) => void;
}

/** The only version of RFC 6455. `ws` would also accept 8, the version of a draft. */
const WEB_SOCKET_VERSION = '13';

/** The answer to another version. RFC 6455, section 4.4, requires its header. */
const WRONG_VERSION: HttpAnswer = {
  ...plainText(400),
  headers: { ...plainText(400).headers, 'sec-websocket-version': WEB_SOCKET_VERSION },
};

/** The arguments of Node's `upgrade` event. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Accepts or refuses the WebSocket upgrades of one hub. */
export class WebSocketUpgrades {
  readonly #dependencies: WebSocketUpgradesDependencies;
  readonly #webSockets: WebSocketServerOf<typeof ServerWebSocket>;

  constructor(dependencies: WebSocketUpgradesDependencies) {
    this.#dependencies = dependencies;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // `ws` has a send queue only with compression. The transport needs a `ws` without a send queue.
      perMessageDeflate: false,
      maxPayload: dependencies.maximumTransportMessageBytes,
      // `ws` would select the first subprotocol that the client offers. ASP.NET Core selects none.
      handleProtocols: () => false,
      WebSocket: ServerWebSocket,
    });
  }

  /**
   * Accepts an upgrade, or returns the answer that refuses it. Returns undefined if the upgrade was accepted, or if the
   * socket is gone.
   */
  answer(upgrade: Upgrade, client: OpeningClient): HttpAnswer | undefined {
    // The socket was closed during the authentication. A token that was claimed for it would stay claimed.
    if (upgrade.socket.destroyed) return undefined;
    if (upgrade.request.headers['sec-websocket-version'] !== WEB_SOCKET_VERSION) return WRONG_VERSION;
    const { store, admitter, transports } = this.#dependencies;
    const token = client.info.query.get('id');
    const isNew = token === undefined || token === '';
    const found = isNew ? undefined : store.find(token);
    if (!isNew && found === undefined) {
      return admitter.refuse('unknown_connection', UNKNOWN_CONNECTION);
    }
    if (!transports.has('WebSockets')) return transportNotSupported('WebSockets');
    if (found?.attached !== undefined) return this.#answerAgain(upgrade, found.attached, client);
    if (client.budget?.isFullOfConnections === true) return admitter.refuseConnection(client.budget);
    if (found !== undefined && !store.claim(found)) {
      return admitter.refuse('already_connected', plainText(409));
    }
    this.#accept(upgrade, found ?? store.createClaimed(), client);
    return undefined;
  }

  /** Answers an upgrade for a connection that already has a transport. The client has lost its socket, or has made a mistake. */
  #answerAgain(upgrade: Upgrade, attached: Attached, client: OpeningClient): HttpAnswer | undefined {
    const { admitter } = this.#dependencies;
    if (attached.name !== 'WebSockets') return CANNOT_CHANGE;
    const { transport, connection } = attached;
    if (transport === undefined || !(transport.canResume || transport.isStopped)) {
      return admitter.refuse('already_connected', plainText(409));
    }
    if (transport.isStopped) {
      return admitter.refuse('unknown_connection', UNKNOWN_CONNECTION);
    }
    const { request, socket, head } = upgrade;
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const again = new WebSocketTransport(webSocket, socket);
      if (!transport.attach(again)) again.abort();
      else {
        this.#dependencies.onResumed(connection);
        if (connection.updatePrincipal(client.principal)) this.#dependencies.onRefreshed(connection);
      }
    });
    return undefined;
  }

  #accept({ request, socket, head }: Upgrade, stored: StoredConnection, client: OpeningClient): void {
    const { store, runner } = this.#dependencies;
    // `ws` answers an invalid upgrade itself, without calling back. The token is therefore released when the socket closes.
    const release = (): void => store.remove(stored);
    socket.once('close', release);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', release);
      const plain = new WebSocketTransport(webSocket, socket);
      const { ticker, resumptionLimits } = this.#dependencies;
      const transport = stored.isResumable
        ? new ResumableTransport(plain, ticker, resumptionLimits)
        : undefined;
      const connection = runner.begin(transport ?? plain, stored, client);
      stored.attached = { name: 'WebSockets', connection, transport };
    });
  }
}

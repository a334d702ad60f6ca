/*
 * A hub whose connections have no network. The test delivers the clients' bytes, and reads the bytes that the server has
 * written. All code between the transport and the hub's methods is real. Thousands of connections can live and end in a
 * second.
 */
import { fakeClock } from '@millrace/testkit';
import { HubConnection } from '../../src/connection/hub-connection.js';
import { type ConnectionHost, runHubConnection } from '../../src/connection/run-hub-connection.js';
import { Ticker } from '../../src/connection/ticker.js';
import { HubLifetimeManager } from '../../src/hub/hub-lifetime-manager.js';
import { MappedHub } from '../../src/hub/mapped-hub.js';
import {
  defineHub,
  isNumber,
  isString,
  method,
  parseArguments,
  type SignalREvent,
  streamMethod,
} from '../../src/index.js';
import { resolveOptions } from '../../src/options.js';
import type { EncodedMessage } from '../../src/protocol/encoded-message.js';
import type { HubMessage } from '../../src/protocol/hub-message.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';
import type { Transport, TransportListener } from '../../src/transports/transport.js';

/** A transport that immediately accepts all data. It ends when the test or the server closes it. */
class MemoryTransport implements Transport {
  readonly name = 'WebSockets' as const;
  readonly formats = ['text', 'binary'] as const;
  readonly hasInherentKeepAlive = false;
  readonly isAttached = true;
  readonly bufferedBytes = 0;
  readonly written: Buffer[] = [];
  #listener: TransportListener | undefined;

  start(listener: TransportListener): void {
    this.#listener = listener;
  }

  /** Delivers bytes from the client. As with a real network, no bytes arrive after the end. */
  deliver(bytes: Buffer): void {
    this.#listener?.onBytes(bytes);
  }

  write(message: EncodedMessage): boolean {
    if (this.#listener !== undefined) this.written.push(message.payload);
    return true;
  }

  pauseReading(): void {}
  resumeReading(): void {}

  close(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onClosed(true);
  }

  abort(): void {
    this.close();
  }
}

/** Creates a hub with methods of every kind. No method may continue after the end of its connection. */
function createHub(running: { count: number }) {
  return defineHub<{ joined(name: string): void }>()({
    methods: {
      echo: (_context, value) => value,
      later: async (_context, value) => {
        await Promise.resolve();
        return value;
      },
      fail() {
        throw new Error('on purpose');
      },
      join: method(parseArguments(isString), ({ groups, clients }, name) => {
        groups.add(name);
        return clients.group(name).send('joined', name);
      }),
      sum: method(
        parseArguments(isString),
        async (_context, _name, numbers) => {
          running.count += 1;
          let sum = 0;
          try {
            for await (const number of numbers) sum += number;
          } finally {
            running.count -= 1;
          }
          return sum;
        },
        { uploads: [isNumber] },
      ),
      count: streamMethod(parseArguments(isNumber), async function* ({ cancelSignal }, to) {
        running.count += 1;
        try {
          for (let number = 0; number < Math.min(to, 10); number += 1) yield number;
          // A stream of more than ten items ends only when it is canceled.
          if (to > 10 && !cancelSignal.aborted)
            await new Promise<void>((resolve) => {
              cancelSignal.addEventListener('abort', () => resolve(), { once: true });
            });
        } finally {
          running.count -= 1;
        }
      }),
    },
  });
}

const options = resolveOptions({});

/** One hub without a network. */
export class MemoryHub {
  readonly clock = fakeClock(Date.UTC(2026, 0, 1));
  readonly events: SignalREvent[] = [];
  readonly #running = { count: 0 };
  readonly #ticker = new Ticker(this.clock, 1_000);
  readonly #hub = new MappedHub('/hub', createHub(this.#running), {
    ticker: this.#ticker,
    protocols: [jsonHubProtocol, messagePackHubProtocol],
    onEvent: (event) => this.events.push(event),
    callLimits: options.callLimits,
    acceptsBigints: false,
    filters: [],
    manager: new HubLifetimeManager(),
    remote: undefined,
  });

  /** The number of methods with streams that have not ended. */
  get runningCount(): number {
    return this.#running.count;
  }

  /** The number of connections of the hub. */
  get connectionCount(): number {
    return this.#hub.connections.count;
  }

  /**
   * Runs one connection from its beginning to its end: the chunks arrive, then the client disconnects. With `isSlow`, one
   * chunk arrives per turn of the event loop.
   * @param onMessage if present, receives the messages instead of the hub
   * @returns all bytes that the server wrote
   */
  async live(
    chunks: readonly Buffer[],
    how: { readonly isSlow?: boolean; readonly onMessage?: (message: HubMessage) => void } = {},
  ): Promise<Buffer> {
    const transport = new MemoryTransport();
    const identity = {
      hub: '/hub',
      connectionId: 'c',
      userId: null,
      transport: 'WebSockets' as const,
    };
    const connection = new HubConnection(
      identity,
      { userId: null, user: undefined },
      {
        transport,
        limits: { ...options.limits, closeOnAuthenticationExpiration: false },
        ticker: this.#ticker,
        observer: { onReplaced() {}, onClosed() {}, onEnded() {} },
      },
    );
    this.#hub.admit(connection, {
      path: '/hub',
      query: new Map(),
      headers: {},
      remoteAddress: undefined,
    });
    runHubConnection(connection, this.#hostWith(how.onMessage));
    for (const chunk of chunks) {
      transport.deliver(chunk);
      if (how.isSlow === true) await turn();
    }
    await turn();
    transport.close();
    await connection.ended.promise;
    await turn();
    return Buffer.concat(transport.written);
  }

  #hostWith(onMessage: ((message: HubMessage) => void) | undefined): ConnectionHost {
    if (onMessage === undefined) return this.#hub;
    const hub = this.#hub;
    return {
      protocols: hub.protocols,
      ticker: hub.ticker,
      onEvent: hub.onEvent,
      register: (connection) => hub.register(connection),
      unregister: (connection) => hub.unregister(connection),
      connected: () => Promise.resolve(),
      disconnected: () => Promise.resolve(),
      settle: () => Promise.resolve(),
      dispatch(_connection, message) {
        onMessage(message);
        return undefined;
      },
    };
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

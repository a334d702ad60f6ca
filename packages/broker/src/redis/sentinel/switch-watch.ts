// Listens to the Sentinels. Even a connection that sends nothing then notices a failover.
import { backOffDelayMs, type CancelTimer, type Clock, pause } from '@millrace/internal';
import { openSocket } from '../connection/open-socket.js';
import type { Endpoint } from '../connection/redis-target.js';
import { ReplyCursor } from '../resp/reply-cursor.js';
import { ReplyFramer } from '../resp/reply-framer.js';
import { authCommands, encodeCommand } from '../resp/resp-client.js';

/** Milliseconds between pings. The watch changes to another Sentinel if the present one sends nothing for three intervals. */
const PING_INTERVAL_MS = 1_000;
const MAX_MISSED_PINGS = 3;
const CHANNEL = '+switch-master';

/** Dependencies of {@link SwitchWatch}. */
export interface SwitchWatchOptions {
  readonly sentinels: readonly Endpoint[];
  readonly masterName: string;
  readonly clock: Clock;
  /** Called when another server may be the master: after a message, and when messages may have been missed. */
  readonly onNews: () => void;
}

/**
 * Follows one Sentinel at a time. If it fails, the watch follows the next one after a back-off delay. `onNews` is called
 * after every failed attempt, so that the master is looked up even without a Sentinel to follow.
 */
export class SwitchWatch {
  readonly #options: SwitchWatchOptions;
  readonly #closing = new AbortController();

  constructor(options: SwitchWatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { sentinels, clock, onNews } = this.#options;
    const { signal } = this.#closing;
    for (let number = 0, failures = 0; !signal.aborted; number++) {
      const sentinel = sentinels[number % sentinels.length];
      const wasFollowed = sentinel !== undefined && (await this.#follow(sentinel));
      if (signal.aborted) return;
      failures = wasFollowed ? 0 : failures + 1;
      if (!wasFollowed) onNews();
      await pause(clock, backOffDelayMs(failures), signal);
    }
  }

  /** Resolves when the connection to the Sentinel has ended, to true if the Sentinel had accepted the subscription. */
  #follow(sentinel: Endpoint): Promise<boolean> {
    const { clock, masterName, onNews } = this.#options;
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      let isFollowed = false;
      let missedPings = 0;
      let cancelPing: CancelTimer = () => {};
      const end = (): void => {
        cancelPing();
        signal.removeEventListener('abort', end);
        socket.destroy();
        resolve(isFollowed);
      };
      const framer = new ReplyFramer((reply) => {
        missedPings = 0;
        const message = new ReplyCursor(reply).value();
        // Text is the answer to AUTH. Any other reply that is not an array is an error.
        if (!Array.isArray(message)) {
          if (typeof message !== 'string') end();
          return;
        }
        const [kind, , text] = message as readonly unknown[];
        if (kind === 'subscribe') isFollowed = true;
        if (kind === 'subscribe' || (kind === 'message' && isAbout(text, masterName))) onNews();
      });
      const socket = openSocket(sentinel, (chunk) => {
        try {
          framer.push(chunk);
        } catch {
          // The bytes are not replies, so the server is not a Sentinel.
          end();
        }
      });
      const ping = (): void => {
        missedPings += 1;
        if (missedPings > MAX_MISSED_PINGS) return end();
        socket.write(encodeCommand(['PING']));
        cancelPing = clock.startTimer(ping, PING_INTERVAL_MS);
      };
      socket.on('error', end);
      socket.on('close', end);
      signal.addEventListener('abort', end);
      for (const command of [...authCommands(sentinel), ['SUBSCRIBE', CHANNEL]])
        socket.write(encodeCommand(command));
      cancelPing = clock.startTimer(ping, PING_INTERVAL_MS);
    });
  }
}

/** The text of a message is `name old-host old-port new-host new-port`. */
function isAbout(text: unknown, masterName: string): boolean {
  return typeof text === 'string' && text.split(' ')[0] === masterName;
}

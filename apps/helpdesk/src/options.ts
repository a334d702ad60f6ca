// The helpdesk's options and their defaults.
import { fileURLToPath } from 'node:url';

/** Options of {@link createHelpdesk}. */
export interface HelpdeskOptions {
  /** Folder of the database. It is created if it does not exist. @defaultValue `.data` beside the package's sources */
  readonly dataFolder?: string;
  /** Lifetime of a token for the gateway. Pages fetch a new token for every connection. @defaultValue 10 */
  readonly tokenMinutes?: number;
  /** Time after which a page ends a typing indicator that was not renewed. @defaultValue 6_000 */
  readonly typingExpiryMs?: number;
  /** First delay before failed events are published again. The delay doubles with each failure, up to 5 s. @defaultValue 200 */
  readonly outboxRetryMs?: number;
  /** Maximum number of events in the outbox. While the outbox is full, changes are refused. @defaultValue 10_000 */
  readonly maxOutboxEvents?: number;
  /**
   * When true, gateways refuse the helpdesk outside development mode, because anybody can get a token for any person.
   * @defaultValue true
   */
  readonly isForDevelopment?: boolean;
}

/** Options with every default filled in. */
export type ResolvedHelpdeskOptions = Readonly<Required<HelpdeskOptions>>;

/** Fills in the defaults and freezes the options. */
export function resolveOptions(options: HelpdeskOptions): ResolvedHelpdeskOptions {
  return Object.freeze({
    dataFolder: fileURLToPath(new URL('../.data', import.meta.url)),
    tokenMinutes: 10,
    typingExpiryMs: 6_000,
    outboxRetryMs: 200,
    maxOutboxEvents: 10_000,
    isForDevelopment: true,
    ...options,
  });
}

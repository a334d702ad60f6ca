// What a helpdesk can be told, with its defaults.
import { fileURLToPath } from 'node:url';

/** Options of {@link createHelpdesk}. */
export interface HelpdeskOptions {
  /** Folder of the database; made when it is not there. @defaultValue `.data` beside the package's sources */
  readonly dataFolder?: string;
  /** How long a token for the gateway is good; pages fetch a fresh one for every connection. @defaultValue 10 */
  readonly tokenMinutes?: number;
  /** After this a page ends a typing indicator that was not renewed. @defaultValue 6_000 */
  readonly typingExpiryMs?: number;
  /** First wait before events are published again that could not be; it doubles, up to 5 s. @defaultValue 200 */
  readonly outboxRetryMs?: number;
  /** Most events that wait for the broker; beyond it changes are refused. @defaultValue 10_000 */
  readonly maxOutboxEvents?: number;
  /**
   * When true, gateways refuse it outside development mode, for it gives everybody who asks a token of anybody. @defaultValue true
   */
  readonly isForDevelopment?: boolean;
}

/** Options with every default filled in. */
export type ResolvedHelpdeskOptions = Readonly<Required<HelpdeskOptions>>;

/** Fills in defaults and freezes. */
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

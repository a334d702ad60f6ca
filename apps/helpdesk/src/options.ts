// The helpdesk's options and their defaults.
import { fileURLToPath } from 'node:url';

/** Options of {@link createHelpdesk}. */
export interface HelpdeskOptions {
  /** Folder of the database. It is created if it does not exist. @defaultValue `.data` beside the package's sources */
  readonly dataFolder?: string;
  /** A page ends a typing indicator that is not renewed within this time. @defaultValue 6_000 */
  readonly typingExpiryMs?: number;
  /**
   * If true, gateways refuse the helpdesk outside development mode, because anybody can get a token for any person.
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
    typingExpiryMs: 6_000,
    isForDevelopment: true,
    ...options,
  });
}

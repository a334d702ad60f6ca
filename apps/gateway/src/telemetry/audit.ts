// The audit log: one line for each act of an operator or a backend that destroys data or changes who may do what. docs/operations.md describes it.
import { hostname, userInfo } from 'node:os';
import { type Logger, pino } from 'pino';
import { logLineForPeople } from './log-line.js';

/** The audited acts, each with a description. */
export const AUDIT_ACTIONS = {
  dead_letter_replay: 'a rejected entry is put back into its stream',
  dead_letter_drop: 'a rejected entry is removed for good',
  erase: 'events are erased: one event, those of a room or those of a user',
  reload_secrets:
    'the secrets of tokens, the API keys and the certificates for Redis are read again from their files',
  sign_token: 'a token is signed with the secret of the gateway',
  member_remove: 'a user is removed from a room',
  member_add: 'a user who was removed from a room is added again',
  sign_out: 'a user is signed out everywhere',
} as const;

/** One audited act. It never contains payloads, tokens or keys. */
export interface AuditRecord {
  readonly action: keyof typeof AUDIT_ACTIONS;
  /** The operator: `user@host` of a command, the signal, or `key <name>` of an API key. */
  readonly by: string;
  /** The objects of the act, such as the stream and the ID of a dead letter. */
  readonly target?: Readonly<Record<string, string | number | readonly string[]>>;
  /**
   * `refused`: nothing was changed. `failed`: the act ended with an error, and its changes may have been
   * made.
   */
  readonly outcome: 'done' | 'refused' | 'failed';
  /** The cause of an outcome other than `done`. */
  readonly reason?: string;
}

/** Writes the line of one act. */
export type Audit = (record: AuditRecord) => void;

/**
 * Creates the audit log of a gateway. Its lines go to the gateway's log, at every log level except `silent`.
 */
export function createAudit(logger: Logger): Audit {
  const level = logger.level === 'silent' ? 'silent' : 'info';
  const lines = logger.child({}, { level });
  return (record) => lines.info({ audit: record }, 'audit');
}

/** Creates the audit log of a command. Its lines go to standard error, as readable text at a terminal, otherwise as JSON. */
export function createCommandAudit(): Audit {
  const write = (line: string): void => {
    process.stderr.write(process.stderr.isTTY ? logLineForPeople(line) : line);
  };
  const options = {
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return createAudit(pino(options, { write }));
}

/** Returns `user@host` of the person who runs a command. Under `sudo`, this is the person who called `sudo`. */
export function operator(variables: NodeJS.ProcessEnv): string {
  return `${variables['SUDO_USER'] ?? userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // The user may have a number but no name in a container.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

// Everything that one person's workspace shows. Immutable: every change creates a new state.
import type { ClientState, TypingUser } from '@millrace/client';
import type { Notification, Person, Ticket } from '../../src/api-types.js';
import type { Conversation } from './conversation.js';
import { type Latency, noLatency } from './latency.js';

/** The cost of an interruption, counted after the connection was restored. */
export interface TrialReport {
  readonly awayMs: number;
  /**
   * `replay`: the gateway sent the missed messages. `load`: the gateway could not send them, so the page loaded them from the
   * database.
   */
  readonly source: 'replay' | 'load';
  /** Number of messages that were replayed or loaded, according to `source`. */
  readonly messages: number;
  /** Time from the new connection to the last missed message. */
  readonly tookMs: number;
  /** Number of messages that were stored since the interruption. */
  readonly expected: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Number of repeated events that the client dropped by their event_id. */
  readonly droppedRepeats: number;
}

/** States of a trial: idle → cut → restoring → idle with a report. */
export type TrialState =
  | { readonly kind: 'idle'; readonly report: TrialReport | null }
  | { readonly kind: 'cut'; readonly sinceMs: number }
  | { readonly kind: 'restoring' };

/** A notification that has just arrived. */
export interface Toast {
  readonly id: string;
  readonly title: string;
  readonly body: string;
  readonly ticketId: string | null;
}

/** The state of one person's workspace. */
export interface WorkspaceState {
  readonly phase: 'opening' | 'ready' | 'failed';
  readonly connection: ClientState;
  readonly trial: TrialState;
  readonly tickets: readonly Ticket[];
  /** The conversations that were opened, by ticket. There are never more of them than tickets in the list. */
  readonly conversations: ReadonlyMap<string, Conversation>;
  readonly openTicketId: string | null;
  /** The ID of the ticket that the page was asked to open, if this person has no such ticket. */
  readonly missingTicketId: string | null;
  /** The other users who are typing, by ticket. */
  readonly typing: ReadonlyMap<string, readonly TypingUser[]>;
  readonly notifications: readonly Notification[];
  readonly toasts: readonly Toast[];
  readonly latency: Latency;
  /** The newest message of somebody else in the open ticket, for screen readers. */
  readonly announcement: string;
}

/** The state before anything is loaded. */
export function initialWorkspaceState(openTicketId: string | null): WorkspaceState {
  return {
    phase: 'opening',
    connection: 'idle',
    trial: { kind: 'idle', report: null },
    tickets: [],
    conversations: new Map(),
    openTicketId,
    missingTicketId: null,
    typing: new Map(),
    notifications: [],
    toasts: [],
    latency: noLatency,
    announcement: '',
  };
}

/** People by ID. */
export type PeopleById = ReadonlyMap<string, Person>;

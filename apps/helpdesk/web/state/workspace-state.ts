// What one person's desk shows. Immutable: every change makes a new one.
import type { ClientState, TypingUser } from '@millrace/client';
import type { Notification, Person, Ticket } from '../../src/api-types.js';
import type { Conversation } from './conversation.js';
import { type Latency, noLatency } from './latency.js';

/** What came back after the cable was plugged in again. */
export interface CableReport {
  readonly awayMs: number;
  /** `replay`: the gateway sent what was missed. `load`: it could not, and the page loaded it from the database. */
  readonly way: 'replay' | 'load';
  /** Messages that came in that way. */
  readonly messages: number;
  /** From the new connection to the last of them. */
  readonly tookMs: number;
  /** Messages that the database has from the time away. */
  readonly expected: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Repeats that the client dropped by their event_id. */
  readonly droppedRepeats: number;
}

/** plugged → pulled → returning → plugged, then with a report. */
export type CableState =
  | { readonly kind: 'plugged'; readonly report: CableReport | null }
  | { readonly kind: 'pulled'; readonly sinceMs: number }
  | { readonly kind: 'returning' };

/** A notification that just came in. */
export interface Toast {
  readonly id: string;
  readonly title: string;
  readonly body: string;
  readonly ticketId: string | null;
}

/** Everything one person's desk shows. */
export interface DeskState {
  readonly phase: 'opening' | 'ready' | 'failed';
  readonly connection: ClientState;
  readonly cable: CableState;
  readonly tickets: readonly Ticket[];
  /** Conversations that were opened, by ticket. Bounded by the tickets in the list. */
  readonly conversations: ReadonlyMap<string, Conversation>;
  readonly openTicketId: string | null;
  /** The open one, when it was asked for and there is none for this person. */
  readonly missingTicketId: string | null;
  /** Who is typing, by ticket. */
  readonly typing: ReadonlyMap<string, readonly TypingUser[]>;
  readonly notifications: readonly Notification[];
  readonly toasts: readonly Toast[];
  readonly latency: Latency;
  /** The newest message of somebody else in the open ticket, for screen readers. */
  readonly announcement: string;
}

/** Before anything is known. */
export function openingState(openTicketId: string | null): DeskState {
  return {
    phase: 'opening',
    connection: 'idle',
    cable: { kind: 'plugged', report: null },
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

/** People by their ID. */
export type PeopleById = ReadonlyMap<string, Person>;

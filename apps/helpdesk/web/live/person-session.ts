// One person on the page: the person's client, API calls and network link. Two people on a page share nothing.
import { type Client, createClient, type DeliveredEvent } from '@millrace/client';
import { createStore, type StoreApi } from 'zustand';
import type { Person, SignInAnswer } from '../../src/api-types.js';
import { ConnectionTrial } from '../connection-trial/connection-trial.js';
import { NetworkLink } from '../connection-trial/network-link.js';
import type { ShownConversation } from '../connection-trial/trial-counts.js';
import { HelpdeskApi } from './helpdesk-api.js';
import { type Latency, noLatency, withSample } from './latency.js';
import { OutgoingMessages } from './outgoing-messages.js';

/** People by ID. */
export type PeopleById = ReadonlyMap<string, Person>;

/** The session of one person. */
export class PersonSession {
  readonly me: Person;
  readonly people: PeopleById;
  readonly api: HelpdeskApi;
  readonly client: Client;
  readonly outgoing: OutgoingMessages;
  readonly trial: ConnectionTrial;
  readonly latency: StoreApi<Latency> = createStore(() => noLatency);
  /** The last sequence number that the person has read on this page, by ticket. There are never more than tickets. */
  readonly readHere: StoreApi<Readonly<Record<string, number>>> = createStore(() => ({}));
  /** The room of the events that change the person's list of tickets. */
  readonly listRoomId: string;
  /** The conversation on the page. `ConversationView` keeps this field up to date. */
  shown: ShownConversation | undefined;

  private constructor(people: PeopleById, link: NetworkLink, api: HelpdeskApi, answer: SignInAnswer) {
    this.me = answer.person;
    this.people = people;
    this.api = api;
    this.listRoomId = answer.listRoomId;
    const client = createPersonClient(link, api, answer.typingExpiryMs);
    this.client = client;
    this.outgoing = new OutgoingMessages(api);
    this.trial = new ConnectionTrial({
      client,
      link,
      listRoomId: answer.listRoomId,
      shown: () => this.shown,
      storedUpTo: async (ticketId) => {
        const tickets = await api.tickets();
        return tickets.find(({ id }) => id === ticketId)?.lastMessage?.sequence_number ?? 0;
      },
    });
    client.onAny((event) => this.#measure(event));
    client.onStateChange(({ state }) => {
      if (state === 'live') void this.outgoing.sendWaiting();
    });
  }

  /** Signs a person in. The client connects when it is given to a `MillraceProvider`. */
  static async open(person: Person, people: PeopleById): Promise<PersonSession> {
    const link = new NetworkLink();
    const api = new HelpdeskApi(link, person.id);
    return new PersonSession(people, link, api, await api.signIn());
  }

  /** Measures an event that is not replayed. Messages arrive in two rooms, and only those in the room of the list are measured. */
  #measure({ room_id: roomId, event_type: type, timestamp }: DeliveredEvent): void {
    const isMeasured = roomId === this.listRoomId || type === 'notification';
    if (!isMeasured || this.client.state !== 'live') return;
    const sampleMs = Date.now() - Date.parse(timestamp);
    this.latency.setState((latency) => withSample(latency, sampleMs), true);
  }
}

function createPersonClient(link: NetworkLink, api: HelpdeskApi, typingExpiryMs: number): Client {
  const client = createClient({
    url: location.origin,
    accessToken: () => api.accessToken(),
    typingExpiryMs,
    typingRepeatMs: Math.max(200, typingExpiryMs / 3),
    retryBaseMs: 250,
    retryMaxMs: 3_000,
    network: link.network,
    signalr: { http: link.signalr },
  });
  // The page shows a failed connection and a failed load. Any other error goes to the console.
  client.onError((error) => {
    if (error.code !== 'connection_failed' && error.code !== 'load_failed') console.warn(error);
  });
  return client;
}

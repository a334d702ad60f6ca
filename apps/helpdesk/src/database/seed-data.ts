// The people and tickets of a new helpdesk. IDs are fixed, so bookmarked addresses stay valid with a new database.
import type { Person, TicketStatus } from '../api-types.js';

/** A message of the seed data. `from` is the sender's username, or `null` for a message of the helpdesk itself. */
export interface SeedMessage {
  readonly from: string | null;
  readonly text: string;
  readonly minutesAgo: number;
  readonly isScreenshot?: boolean;
}

/** A ticket of the seed data. */
export interface SeedTicket {
  readonly id: string;
  readonly number: number;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly requester: string;
  readonly assignee: string | null;
  /** Number of messages, counted from the last one, that the requester has not read. */
  readonly unreadByRequester?: number;
  /** Number of messages, counted from the last one, that no agent has read. */
  readonly unreadByAgents?: number;
  readonly messages: readonly SeedMessage[];
}

const agentId = (number: number): string => `3f0d7b52-8a0e-4f57-9d53-1f6a2c1e0a0${number}`;
const requesterId = (number: number): string => `7c9e1a34-5b26-4d8e-8f10-6e2b9d4c0b0${number}`;

/** The people of a new helpdesk. */
export const seedPeople: readonly Person[] = [
  { id: agentId(1), role: 'agent', fullName: 'Maria Lindqvist', username: 'maria', title: 'Support lead' },
  { id: agentId(2), role: 'agent', fullName: 'Tomás Rivera', username: 'tomas', title: 'Networks' },
  { id: agentId(3), role: 'agent', fullName: 'Aiko Tanaka', username: 'aiko', title: 'Billing systems' },
  {
    id: requesterId(1),
    role: 'requester',
    fullName: 'Noa Berger',
    username: 'noa',
    title: 'Finance, Hamburg',
  },
  {
    id: requesterId(2),
    role: 'requester',
    fullName: 'Daniel Okafor',
    username: 'daniel',
    title: 'Field sales, Lagos',
  },
  {
    id: requesterId(3),
    role: 'requester',
    fullName: 'Priya Nair',
    username: 'priya',
    title: 'Design, Kochi',
  },
  {
    id: requesterId(4),
    role: 'requester',
    fullName: 'Emil Sørensen',
    username: 'emil',
    title: 'Warehouse, Aarhus',
  },
];

const ticketId = (number: number): string => `b1d4c6f0-2e7a-4c39-a5d8-00000000${number}`;

/** The tickets of a new helpdesk. */
export const seedTickets: readonly SeedTicket[] = [
  {
    id: ticketId(1048),
    number: 1048,
    subject: 'VPN drops every twenty minutes',
    status: 'in_progress',
    requester: 'noa',
    assignee: 'maria',
    messages: [
      {
        from: 'noa',
        text: 'Good morning! Since Monday the VPN cuts out every twenty minutes or so. I am in the middle of the quarter close and every drop kicks me out of the ledger.',
        minutesAgo: 1_512,
      },
      { from: null, text: 'Assigned to Maria Lindqvist', minutesAgo: 1_507 },
      {
        from: 'maria',
        text: 'Hi Noa, that is a bad week for it. Does the Wi-Fi symbol stay connected when it happens, or does that go too?',
        minutesAgo: 1_504,
      },
      { from: 'noa', text: 'Wi-Fi stays. Only the VPN goes, and then this comes up.', minutesAgo: 1_499 },
      { from: 'noa', text: 'What I see when it drops', minutesAgo: 1_498, isScreenshot: true },
      { from: null, text: 'Status changed from Open to In progress by Maria Lindqvist', minutesAgo: 1_490 },
      {
        from: 'maria',
        text: 'Thank you, that helps. The session key is renewed every twenty minutes, and the new profile on your laptop refuses it. I have rolled you back to last week’s profile.',
        minutesAgo: 64,
      },
      {
        from: 'noa',
        text: 'Reconnected just now. I will leave the ledger open and tell you whether it survives the next half hour.',
        minutesAgo: 58,
      },
      { from: 'maria', text: 'Perfect. I will keep this open until you say so.', minutesAgo: 56 },
    ],
  },
  {
    id: ticketId(1051),
    number: 1051,
    subject: 'Invoice PDF shows the wrong currency',
    status: 'open',
    requester: 'daniel',
    assignee: null,
    unreadByAgents: 2,
    messages: [
      {
        from: 'daniel',
        text: 'The PDF for Adeyemi & Sons says € where the order says ₦. The amounts are right, only the symbol is wrong.',
        minutesAgo: 22,
      },
      {
        from: 'daniel',
        text: 'They will not pay it like this, so I would be glad to have it today.',
        minutesAgo: 20,
      },
    ],
  },
  {
    id: ticketId(1050),
    number: 1050,
    subject: 'Handheld scanner pairs with the wrong station',
    status: 'waiting',
    requester: 'emil',
    assignee: 'tomas',
    messages: [
      {
        from: 'emil',
        text: 'Scanner 14 connects to packing station 3 although it sits on 9. Somebody two aisles away gets my parcels on the screen.',
        minutesAgo: 196,
      },
      { from: null, text: 'Assigned to Tomás Rivera', minutesAgo: 190 },
      {
        from: 'tomas',
        text: 'Ha, sorry. Could you read me the serial number under the battery? I think two of them were registered with the same one.',
        minutesAgo: 188,
      },
      { from: null, text: 'Status changed from Open to Waiting by Tomás Rivera', minutesAgo: 187 },
    ],
  },
  {
    id: ticketId(1049),
    number: 1049,
    subject: 'Colour profile is lost when exporting to PDF',
    status: 'open',
    requester: 'priya',
    assignee: 'aiko',
    unreadByAgents: 1,
    messages: [
      {
        from: 'priya',
        text: 'Exports from the brand template come out in plain sRGB. The printer sent the proofs back.',
        minutesAgo: 334,
      },
      {
        from: 'aiko',
        text: 'I can reproduce it with the March template, not with February’s. Can you live with February’s until tomorrow?',
        minutesAgo: 301,
      },
      {
        from: 'priya',
        text: 'For the leaflet yes. For the catalogue no, that one goes out on Thursday.',
        minutesAgo: 47,
      },
    ],
  },
  {
    id: ticketId(1046),
    number: 1046,
    subject: 'Access to the archive for the auditors',
    status: 'waiting',
    requester: 'noa',
    assignee: 'aiko',
    unreadByRequester: 1,
    messages: [
      {
        from: 'noa',
        text: 'Two auditors need read access to the 2023 archive from the first of the month, for three weeks.',
        minutesAgo: 2_905,
      },
      {
        from: 'aiko',
        text: 'Both accounts are ready and end by themselves after 21 days. I need their phone numbers for the second factor, then they can sign in.',
        minutesAgo: 412,
      },
    ],
  },
  {
    id: ticketId(1047),
    number: 1047,
    subject: 'Second monitor stays dark after sleep',
    status: 'solved',
    requester: 'daniel',
    assignee: 'tomas',
    messages: [
      {
        from: 'daniel',
        text: 'Every time the laptop wakes up, the right-hand monitor stays dark until I pull its cable.',
        minutesAgo: 4_480,
      },
      {
        from: 'tomas',
        text: 'There is a firmware update for the dock that mentions exactly this. I have queued it, it installs at the next restart.',
        minutesAgo: 4_411,
      },
      { from: 'daniel', text: 'Three mornings without pulling a cable. Thank you!', minutesAgo: 1_530 },
      { from: null, text: 'Status changed from In progress to Solved by Tomás Rivera', minutesAgo: 1_528 },
    ],
  },
  {
    id: ticketId(1044),
    number: 1044,
    subject: 'Shared calendar shows last year’s holidays',
    status: 'solved',
    requester: 'priya',
    assignee: 'maria',
    messages: [
      {
        from: 'priya',
        text: 'The studio calendar still lists last year’s bank holidays for Kerala.',
        minutesAgo: 7_250,
      },
      {
        from: 'maria',
        text: 'Swapped for this year’s list. Give it an hour to reach your phone.',
        minutesAgo: 7_190,
      },
      { from: 'priya', text: 'It is there. Thanks, Maria.', minutesAgo: 7_020 },
      { from: null, text: 'Status changed from Open to Solved by Maria Lindqvist', minutesAgo: 7_018 },
    ],
  },
];

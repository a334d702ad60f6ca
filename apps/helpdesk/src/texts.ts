// Every English text that people read at the desk: on its pages, and in what the desk itself writes into tickets.

/** The texts, by where they appear. */
export const texts = {
  product: {
    name: 'Weir',
    tagline: 'Support desk, live on Millrace',
    invitation: 'Write on one side, watch the other. Then pull a cable.',
    documentTitle: 'Weir · Support desk',
  },

  status: {
    open: 'Open',
    in_progress: 'In progress',
    waiting: 'Waiting',
    solved: 'Solved',
  },

  system: {
    statusChanged: (from: string, to: string, by: string) => `Status changed from ${from} to ${to} by ${by}`,
    assigned: (to: string, by: string) =>
      to === by ? `${by} took this ticket` : `Assigned to ${to} by ${by}`,
    unassigned: (by: string) => `${by} put this ticket back in the queue`,
    remoteInvited: (by: string) => `${by} asked for a remote session`,
    remoteStarted: (by: string) => `${by} accepted: the remote session has started`,
    remoteEnded: {
      declined: (by: string) => `${by} declined the remote session`,
      withdrawn: (by: string) => `${by} withdrew the invitation`,
      ended_by_agent: (by: string) => `${by} ended the remote session`,
      ended_by_requester: (by: string) => `${by} ended the remote session`,
    },
  },

  notifications: {
    untitled: 'A notification',
    ticketCreated: (by: string, subject: string) => ({ title: `New ticket from ${by}`, body: subject }),
    ticketReceived: (number: number, subject: string) => ({
      title: `We have your request #${number}`,
      body: subject,
    }),
    statusChanged: (number: number, to: string, subject: string) => ({
      title: `#${number} is now: ${to}`,
      body: subject,
    }),
    assigned: (number: number, by: string, subject: string) => ({
      title: `${by} assigned #${number} to you`,
      body: subject,
    }),
    remoteInvite: (by: string, subject: string) => ({
      title: `${by} asks for a remote session`,
      body: subject,
    }),
  },

  /** In the terminal, where the desk was started. */
  example: {
    says: (name: string) => `Tell ${name} something there`,
    title: 'Hello from curl',
  },

  roles: { agent: 'Agent', requester: 'Requester' },

  top: {
    split: { long: 'Side by side', short: 'Both' },
    agent: { long: 'Agent alone', short: 'Agent' },
    requester: { long: 'Requester alone', short: 'Requester' },
    views: 'Views',
    toDark: 'Switch to dark colours',
    toLight: 'Switch to light colours',
    skip: 'Skip to the conversation',
    bothSides: 'Which side to show',
  },

  signIn: {
    title: 'Who is at the desk?',
    lead: 'This is a demo desk: choose a person, no password needed.',
    agents: 'Agents',
    requesters: 'Requesters',
    switchPerson: 'Switch person',
    as: 'Sign in as',
    failed: 'The desk does not answer.',
    retry: 'Try again',
    loading: 'Opening the desk …',
  },

  connection: {
    idle: 'Connecting',
    connecting: 'Connecting',
    live: 'Live',
    reconnecting: 'Reconnecting',
    resyncing: 'Catching up',
    closed: 'Closed',
    pulled: 'Cable pulled',
    label: 'Connection',
  },

  list: {
    agentTitle: 'Tickets',
    requesterTitle: 'My requests',
    label: 'Tickets',
    unread: (count: number) => (count === 1 ? '1 unread message' : `${count} unread messages`),
    unassigned: 'Nobody yet',
    empty: 'Nothing here yet.',
    create: 'New request',
    back: 'Back to the list',
    you: 'You',
    screenshot: 'Screenshot',
    typing: 'typing',
  },

  create: {
    title: 'New request',
    subject: 'Subject',
    subjectHint: 'VPN, printer, invoice …',
    content: 'What happened?',
    contentHint: 'What did you do, and what did you expect?',
    send: 'Send request',
    cancel: 'Cancel',
    close: 'Close',
    failed: 'The request was not sent. Try again.',
  },

  ticket: {
    status: 'Status',
    assignee: 'Assigned to',
    nobody: 'Nobody',
    requestedBy: (name: string) => `Requested by ${name}`,
    handledBy: (name: string) => `${name} takes care of it`,
    notHandled: 'Waiting for an agent',
    choose: 'Choose a ticket to read it.',
    missing: 'There is no such ticket.',
    changeFailed: 'That did not get through. Try again.',
  },

  chat: {
    label: (subject: string) => `Conversation: ${subject}`,
    write: 'Write a message',
    send: 'Send',
    hint: 'Enter sends, Shift + Enter makes a new line',
    today: 'Today',
    yesterday: 'Yesterday',
    earlier: 'Show earlier messages',
    sending: 'Sending',
    waiting: 'Waiting for the connection',
    failed: 'Not sent',
    retry: 'Try again',
    sent: 'Sent',
    readBy: (names: string) => `Read by ${names}`,
    isTyping: (names: readonly string[]) =>
      names.length === 1
        ? `${names[0]} is typing`
        : names.length === 2
          ? `${names[0]} and ${names[1]} are typing`
          : `${names.length} people are typing`,
    newMessages: (count: number) => (count === 1 ? '1 new message' : `${count} new messages`),
    announced: (name: string, content: string) => `${name}: ${content}`,
    screenshot: 'Screenshot attached',
    screenshotAlt: 'A window says: Session expired. The secure session has ended. Sign in again.',
    screenshotTitle: 'Ledger',
    screenshotHeading: 'Session expired',
    screenshotBody: 'The secure session has ended. Sign in again.',
    screenshotButton: 'Sign in',
  },

  remote: {
    invite: 'Remote session',
    inviteView: 'Ask to see the screen',
    inviteControl: 'Ask to take control',
    invited: (name: string) => `${name} has been asked. Waiting for an answer.`,
    invitation: (name: string, mode: 'view' | 'control') =>
      mode === 'view'
        ? `${name} would like to see your screen.`
        : `${name} would like to control your screen.`,
    accept: 'Accept',
    decline: 'Decline',
    withdraw: 'Withdraw',
    active: (mode: 'view' | 'control', name: string) =>
      mode === 'view' ? `${name} sees this screen` : `${name} controls this screen`,
    activeAgent: (mode: 'view' | 'control', name: string) =>
      mode === 'view' ? `You see ${name}’s screen` : `You control ${name}’s screen`,
    end: 'End session',
    label: 'Remote session',
  },

  bell: {
    label: (unread: number) =>
      unread === 0
        ? 'Notifications'
        : unread === 1
          ? 'Notifications, 1 unread'
          : `Notifications, ${unread} unread`,
    title: 'Notifications',
    empty: 'All quiet.',
    dismiss: 'Dismiss',
  },

  line: {
    label: 'Connection of this person',
    pull: 'Pull the cable',
    plug: 'Plug it back in',
    pulledTitle: 'The cable is pulled.',
    pulledBody: (name: string) => `Nothing reaches ${name}. Messages written meanwhile wait in the stream.`,
    letWrite: (name: string) => `Let ${name} write meanwhile`,
    writing: (name: string) => `${name} is writing …`,
    away: 'Away',
    returning: 'Catching up …',
    replayed: 'Replayed',
    loaded: 'Loaded',
    inTime: (milliseconds: string) => `in ${milliseconds}`,
    lost: 'Lost',
    duplicated: 'Duplicated',
    messages: (count: number) => (count === 1 ? '1 message' : `${count} messages`),
    dismiss: 'Close the report',
    reportTitle: 'Back on the line',
    replayedHelp:
      'Messages the gateway sent again from the last position this page had seen, and how long that took from the new connection to the last of them.',
    loadedHelp:
      'The gateway could not replay this stretch and said so. The page loaded what it had missed from the desk’s database.',
    lostHelp: (expected: number) =>
      `Compared with the database: it holds ${expected === 1 ? '1 message' : `${expected} messages`} from the time away. Lost are those whose sequence number is not on this page.`,
    duplicatedHelp: (repeats: number) =>
      `Events whose event_id was handled a second time, and messages shown twice. Repeats the client dropped before that: ${repeats}.`,
    latency: 'Delivery',
    latencyNone: 'no events yet',
    latencyHelp:
      'From the moment the desk’s server made the event to the moment this page handled it: the desk’s database, the stream, the gateway and this browser together. Millrace’s own share of it is about a millisecond. Server and browser read their own clocks; on two machines the difference of those is in the figure. Median of the last events; replayed ones are left out.',
    latencyChart: (median: string, slow: string, count: number) =>
      `Delivery time of the last ${count} events: median ${median}, slowest twentieth ${slow}`,
    slow: 'p95',
    median: 'median',
    events: (count: number) => (count === 1 ? '1 event' : `${count} events`),
  },

  /** What a person writes by itself while the other's cable is pulled. */
  script: {
    requester: [
      'Still connected, by the way.',
      'Twelve minutes now, that is longer than all day yesterday.',
      'I am going through the accruals while I wait.',
      'Eighteen minutes …',
      'Twenty! Past the usual drop.',
      'The ledger is still open.',
      'I think that was it.',
      'Shall I try it over the phone’s hotspot as well?',
    ],
    agent: [
      'I am watching the tunnel from here, it looks steady.',
      'The key was renewed a moment ago, without a drop.',
      'That is the first renewal with the old profile.',
      'One more in twenty minutes, then I am convinced.',
      'I will write to the others who got the new profile.',
      'Four laptops, all in finance.',
      'Rolled back for all of them.',
      'Tell me if anything looks odd.',
    ],
  },
} as const;

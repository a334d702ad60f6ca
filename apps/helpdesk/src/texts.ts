// Every English text of the helpdesk: the texts on its pages, and the messages that it writes into tickets itself.

/** The texts, by the place where they appear. */
export const texts = {
  product: {
    name: 'Weir',
    tagline: 'Support desk, live on Millrace',
    invitation: 'Write on one side and watch the other. Then cut a connection.',
    pageTitle: (page: string) => `${page} · Weir`,
    ticketTitle: (number: number, subject: string) => `#${number} ${subject}`,
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

  /** Texts for the terminal in which the helpdesk was started. */
  example: {
    says: (name: string) => `Send ${name} a notification`,
    title: 'Hello from curl',
  },

  roles: { agent: 'Agent', requester: 'Requester' },

  top: {
    split: { long: 'Side by side', short: 'Both' },
    agent: { long: 'Agent only', short: 'Agent' },
    requester: { long: 'Requester only', short: 'Requester' },
    views: 'Views',
    toDark: 'Switch to dark colours',
    toLight: 'Switch to light colours',
    skip: 'Skip to the conversation',
    bothSides: 'Side to show',
  },

  signIn: {
    title: 'Who are you?',
    lead: 'This is a demo: choose a person. No password is needed.',
    switchPerson: 'Switch person',
    as: 'Sign in as',
  },

  loading: {
    loading: 'Loading …',
    failed: 'The helpdesk does not respond.',
    retry: 'Try again',
  },

  notFound: {
    title: 'There is no such page',
    lead: 'The address is mistyped or out of date.',
    back: 'Go to the support desk',
  },

  connection: {
    idle: 'Connecting',
    connecting: 'Connecting',
    live: 'Live',
    reconnecting: 'Reconnecting',
    resyncing: 'Catching up',
    closed: 'Closed',
    cut: 'Connection cut',
    polling: 'Live updates are interrupted.',
    pollingBody: 'This page asks for changes every few seconds until they are back.',
    down: 'The support desk cannot be reached.',
    downBody:
      'This page shows the last state that it received, and tries to connect again. Messages that you write are sent then.',
  },

  list: {
    agentTitle: 'Tickets',
    requesterTitle: 'My requests',
    label: 'Tickets',
    unread: (count: number) => (count === 1 ? '1 unread message' : `${count} unread messages`),
    unassigned: 'Unassigned',
    empty: 'Nothing here yet.',
    create: { agent: 'New ticket', requester: 'New request' },
    search: 'Search tickets',
    searchFailed: 'The search did not work. Try again.',
    searching: 'Searching …',
    found: (count: number) => (count === 1 ? '1 ticket found' : `${count} tickets found`),
    back: 'Back to the list',
    you: 'You',
    screenshot: 'Screenshot',
  },

  create: {
    requester: 'Requester',
    requesterHint: 'Who needs help?',
    subject: 'Subject',
    subjectHint: 'VPN, printer, invoice …',
    content: 'What happened?',
    contentHint: 'What did you do, and what did you expect?',
    send: { agent: 'Create ticket', requester: 'Send request' },
    cancel: 'Cancel',
    close: 'Close',
    failed: {
      agent: 'The ticket was not created. Try again.',
      requester: 'The request was not sent. Try again.',
    },
  },

  ticket: {
    status: 'Status',
    assignee: 'Assigned to',
    nobody: 'Nobody',
    requestedBy: (name: string) => `Requested by ${name}`,
    handledBy: (name: string) => `${name} is handling it`,
    notHandled: 'Waiting for an agent',
    choose: 'Choose a ticket to read it.',
    missing: 'There is no such ticket.',
    viewers: 'Also here',
    viewing: (name: string) => `${name} is viewing this ticket`,
    away: (name: string) => `${name} has this ticket open in the background`,
    changeFailed: 'The change was not saved. Try again.',
  },

  chat: {
    label: (subject: string) => `Conversation: ${subject}`,
    write: 'Write a message',
    send: 'Send',
    hint: 'Press Enter to send, Shift + Enter for a new line',
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
    announced: (name: string, content: string) => `${name}: ${content}`,
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
    empty: 'No notifications.',
    dismiss: 'Dismiss',
  },

  connectionPanel: {
    label: 'Connection of this person',
    cut: 'Cut the connection',
    restore: 'Restore the connection',
    cutTitle: 'The connection is cut.',
    cutBody: (name: string) => `Nothing reaches ${name}. Messages written meanwhile wait in the stream.`,
    letWrite: (name: string) => `Let ${name} write meanwhile`,
    writing: (name: string) => `${name} is writing …`,
    away: 'Away',
    replayed: 'Replayed',
    loaded: 'Loaded',
    inTime: (milliseconds: string) => `in ${milliseconds}`,
    lost: 'Lost',
    duplicated: 'Duplicated',
    dismiss: 'Close the report',
    reportTitle: 'Connection restored',
    replayedHelp:
      'Messages that the gateway sent, starting from the last position that this page had seen. The time counts from the new connection to the last of these messages.',
    loadedHelp:
      'The gateway reported that it could not replay these messages, so the page loaded them from the helpdesk’s database.',
    lostHelp: (expected: number) =>
      `The database has ${expected === 1 ? '1 message' : `${expected} messages`} from the time away. A message is lost if its sequence number is not on this page.`,
    duplicatedHelp: (repeats: number) =>
      `Events whose event_id was handled a second time, and messages that are shown twice. Repeats that the client dropped before that: ${repeats}.`,
    latency: 'Delivery',
    latencyNone: 'no events yet',
    latencyHelp:
      'The time from the moment the helpdesk’s server created an event to the moment this page handled it. It includes the helpdesk’s database, the stream, the gateway and this browser; Millrace’s own share is about a millisecond. Server and browser use their own clocks, so on two machines the figure includes the difference between them. It is the median of the last events, without replayed ones.',
    latencyChart: (median: string, slow: string, count: number) =>
      `Delivery time of the last ${count} events: median ${median}, slowest twentieth ${slow}`,
    p95: 'p95',
  },

  /** The scripted messages that a person sends while the other person's connection is cut. */
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

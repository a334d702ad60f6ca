/*
 * The hub that the feature tests of the matrix use.
 */
import {
  type Authenticate,
  defineHub,
  type HubContext,
  HubError,
  isNumber,
  isString,
  method,
  parseArguments,
  streamMethod,
} from '../../../src/index.js';
import type { Me } from './lab.js';

interface MatrixClient {
  note(value: unknown): void;
  question(text: string): string | null;
}

type Context = HubContext<MatrixClient, undefined, unknown>;

/** Authenticates clients by their token, which is the user id. The token `bad` is refused, and `expires` expires after 10 s. */
export function authenticateBy(wallMs: () => number): Authenticate<undefined> {
  return ({ token }) => {
    if (token === 'bad') return undefined;
    const expiry = token === 'expires' ? { expiresAtMs: wallMs() + 10_000 } : {};
    return { userId: token, user: undefined, ...expiry };
  };
}

export const matrixHub = defineHub<MatrixClient>()({
  methods: {
    echo: (_context, value) => value,
    nothing() {},
    async later(_context, value) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      return value;
    },
    whileConnected: (context) =>
      new Promise((resolve) => {
        context.signal.addEventListener('abort', resolve);
      }),
    fail() {
      throw new HubError('no such room');
    },
    break() {
      throw new Error('password is 1234');
    },
    shout: method(parseArguments(isString), (_context, text) => text.toUpperCase()),
    abort: (context) => context.abort(),
    me: (context) => describeCaller(context),

    bytesAndDates: () => ({
      bytes: new Uint8Array([0, 1, 127, 128, 255]),
      date: new Date('2026-01-16T10:20:30.123Z'),
      none: null,
    }),
    describe: (_context, value) => describeBytesAndDate(value as { bytes: unknown; date: unknown }),

    tell: (context, value) => context.clients.caller.send('note', value),
    join: method(parseArguments(isString), (context, group) => context.groups.add(group)),
    leave: method(parseArguments(isString), (context, group) => context.groups.remove(group)),
    toGroup: method(parseArguments(isString, isString), (context, group, text) =>
      context.clients.group(group).send('note', text),
    ),
    toOthersInGroup: method(parseArguments(isString, isString), (context, group, text) =>
      context.clients.othersInGroup(group).send('note', text),
    ),
    toOthers: (context, text) => context.clients.others.send('note', text),
    toUser: method(parseArguments(isString, isString), (context, user, text) =>
      context.clients.user(user).send('note', text),
    ),
    ask: method(parseArguments(isString), (context, text) => context.clients.caller.invoke('question', text)),

    count: streamMethod(parseArguments(isNumber), async function* (_context, to) {
      for (let n = 0; n < to; n += 1) yield await Promise.resolve(n);
    }),
    breaks: streamMethod(parseArguments(), async function* () {
      yield await Promise.resolve(0);
      throw new HubError('half way');
    }),
    endless: streamMethod(parseArguments(), async function* (context) {
      try {
        for (let n = 0; n < 4; n += 1) yield n;
        await new Promise((resolve) => {
          context.cancelSignal.addEventListener('abort', resolve);
        });
      } finally {
        context.clients.caller.send('note', context.cancelSignal.aborted ? 'canceled' : 'ended');
      }
    }),
    sum: method(
      parseArguments(isString),
      async (_context, name, numbers) => {
        let sum = 0;
        for await (const n of numbers) sum += n;
        return `${name} ${sum}`;
      },
      { uploads: [isNumber] },
    ),
    twice: streamMethod(
      parseArguments(),
      async function* (_context, numbers) {
        for await (const n of numbers) yield n * 2;
      },
      { uploads: [isNumber] },
    ),
  },
});

function describeCaller({ userId, groups, request }: Context): Me {
  const { headers, query } = request;
  const inQuery = query.has('access_token') ? 'query' : 'nowhere';
  const overHttp = headers['accept'] === 'text/event-stream' ? 'ServerSentEvents' : 'LongPolling';
  return {
    userId,
    tokenIn: headers['authorization'] === undefined ? inQuery : 'header',
    transport: headers['upgrade'] === undefined ? overHttp : 'WebSockets',
    groups: groups.list(),
  };
}

function describeBytesAndDate({ bytes, date }: { bytes: unknown; date: unknown }): unknown {
  const text = bytes instanceof Uint8Array ? `Uint8Array ${bytes.length}` : '';
  return {
    bytes: typeof bytes === 'string' ? `string ${bytes.length}` : text,
    date: Object.prototype.toString.call(date).slice(8, -1),
  };
}

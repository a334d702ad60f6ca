/*
 * The hub of the recorded conversations. It has the same methods as the recorded server, under the same names.
 */
import {
  defineHub,
  HubError,
  type HubHandlers,
  type HubMethodsOf,
  isNumber,
  isString,
  method,
  parseArguments,
  streamMethod,
} from '../../src/index.js';
import { Gates } from './gates.js';
import { type AnyClient, type ReplayContext, secret, valueMethods } from './hub-values.js';

function isAny(_value: unknown): _value is unknown {
  return true;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isString);
}

async function* countTo(context: ReplayContext, to: number) {
  for (let number = 1; number <= to; number += 1) {
    context.signal.throwIfAborted();
    await Promise.resolve();
    yield number;
  }
}

async function* countAndFail(context: ReplayContext, to: number, error: Error) {
  yield* countTo(context, to);
  throw error;
}

/** Returns a client's answer as text, or the text of the error if the call failed. */
async function told(answer: Promise<unknown>): Promise<string> {
  try {
    return `got ${String(await answer)}`;
  } catch (error) {
    return error instanceof HubError ? `HubException: ${error.message}` : String(error);
  }
}

/** Methods that send messages, wait, or stream. */
function conversationMethods(gates: Gates) {
  return {
    Abort: method(parseArguments(), (context: ReplayContext) => context.abort()),
    Me: method(parseArguments(), (context: ReplayContext) => context.connectionId),
    User: method(parseArguments(), (context: ReplayContext) => context.userId),
    Header: method(
      parseArguments(isString),
      (context: ReplayContext, name) => context.request.headers[name.toLowerCase()],
    ),
    Query: method(parseArguments(isString), (context: ReplayContext, name) =>
      context.request.query.get(name.toLowerCase()),
    ),
    ToCaller: method(parseArguments(isString, isAny), (context: ReplayContext, target, value) => {
      context.clients.caller.send(target, value);
    }),
    ToCallerNone: method(parseArguments(isString), (context: ReplayContext, target) => {
      context.clients.caller.send(target);
    }),
    ToCallerTwo: method(parseArguments(isString, isAny, isAny), (context: ReplayContext, target, a, b) => {
      context.clients.caller.send(target, a, b);
    }),
    ToAll: method(parseArguments(isString, isAny), (context: ReplayContext, target, value) => {
      context.clients.all.send(target, value);
    }),
    ToOthers: method(parseArguments(isString, isAny), (context: ReplayContext, target, value) => {
      context.clients.others.send(target, value);
    }),
    ToClient: method(
      parseArguments(isString, isString, isAny),
      (context: ReplayContext, id, target, value) => {
        context.clients.client(id).send(target, value);
      },
    ),
    ToGroup: method(
      parseArguments(isString, isString, isAny),
      (context: ReplayContext, name, target, value) => {
        context.clients.group(name).send(target, value);
      },
    ),
    ToGroupExcept: method(
      parseArguments(isString, isStrings, isString, isAny),
      (context: ReplayContext, name, ids, target, value) => {
        context.clients.groupExcept(name, ids).send(target, value);
      },
    ),
    ToUser: method(
      parseArguments(isString, isString, isAny),
      (context: ReplayContext, user, target, value) => {
        context.clients.user(user).send(target, value);
      },
    ),
    Join: method(parseArguments(isString), (context: ReplayContext, name) => {
      context.groups.add(name);
    }),
    Leave: method(parseArguments(isString), (context: ReplayContext, name) => {
      context.groups.remove(name);
    }),
    SendThree: method(parseArguments(), (context: ReplayContext) => {
      for (const number of [1, 2, 3]) context.clients.caller.send('n', number);
    }),
    WaitFor: method(parseArguments(isString), async (_context: ReplayContext, name) => {
      await gates.opened(name);
      return name;
    }),
    Release: method(parseArguments(isString), (_context: ReplayContext, name) => gates.open(name)),
    Count: streamMethod(parseArguments(isNumber), (context: ReplayContext, to) => countTo(context, to)),
    CountChannel: streamMethod(parseArguments(isNumber), (context: ReplayContext, to) =>
      countTo(context, to),
    ),
    CountLater: streamMethod(parseArguments(isNumber), async (context: ReplayContext, to) =>
      countTo(context, to),
    ),
    Nulls: streamMethod(parseArguments(), () => [null, 'x']),
    Chunks: streamMethod(parseArguments(isNumber), async function* (context: ReplayContext, to) {
      for await (const number of countTo(context, to)) yield Buffer.from([number, 255]);
    }),
    StreamFails: streamMethod(parseArguments(isNumber), (context: ReplayContext, after) =>
      countAndFail(context, after, secret()),
    ),
    StreamFailsHub: streamMethod(parseArguments(isNumber), (context: ReplayContext, after) =>
      countAndFail(context, after, new HubError('told')),
    ),
    StreamThrows: streamMethod(parseArguments(), (): number[] => {
      throw secret();
    }),
    StreamThrowsHub: streamMethod(parseArguments(), (): number[] => {
      throw new HubError('told');
    }),
    // A streaming method that returns no stream. The cast is necessary, because the types forbid such a method.
    NoStream: streamMethod(parseArguments(), () => null as unknown as number[]),
    Forever: streamMethod(parseArguments(isString), async function* (context: ReplayContext, note) {
      yield 1;
      await new Promise<void>((resolve) => {
        context.cancelSignal.addEventListener('abort', () => resolve());
      });
      gates.open(note);
    }),
    Sum: method(
      parseArguments(),
      async (_context: ReplayContext, items) => {
        let sum = 0;
        for await (const item of items) sum += item;
        return sum;
      },
      { uploads: [isNumber] },
    ),
    Two: method(
      parseArguments(isString),
      async (_context: ReplayContext, between, numbers, texts) => {
        const all: unknown[] = [];
        for await (const number of numbers) all.push(number);
        all.push(between);
        for await (const text of texts) all.push(text);
        return all.join(',');
      },
      { uploads: [isNumber, isString] },
    ),
    Shout: streamMethod(
      parseArguments(),
      async function* (_context: ReplayContext, items) {
        for await (const item of items) yield item.toUpperCase();
      },
      { uploads: [isString] },
    ),
    TakeOne: method(
      parseArguments(),
      async (_context: ReplayContext, items) => {
        for await (const item of items) return item;
        return 0;
      },
      { uploads: [isNumber] },
    ),
    Ask: method(parseArguments(isString, isString), (context: ReplayContext, target, value) =>
      context.clients.caller.invoke(target, value),
    ),
    AskCaught: method(parseArguments(isString), (context: ReplayContext, target) =>
      told(context.clients.caller.invoke(target)),
    ),
    AskOther: method(parseArguments(isString, isString), (context: ReplayContext, id, target) =>
      told(context.clients.client(id).invoke(target)),
    ),
  } satisfies HubMethodsOf<ReplayContext>;
}

export type ReplayHooks = Pick<
  HubHandlers<AnyClient, undefined, Record<string, unknown>, never>,
  'onConnected' | 'onDisconnected'
>;

/** Creates a hub with gates of its own. */
export function createReplayHub(hooks: ReplayHooks) {
  return defineHub<AnyClient>()({
    ...hooks,
    methods: { ...valueMethods, ...conversationMethods(new Gates()) },
  });
}

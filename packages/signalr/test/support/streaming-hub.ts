/*
 * A hub with streams in both directions, and functions for their messages on the wire.
 */
import {
  defineHub,
  HubError,
  isNumber,
  isString,
  method,
  parseArguments,
  type SignalRServerOptions,
  streamMethod,
} from '../../src/index.js';
import { type Host, startHost } from './host.js';
import { RS } from './raw-client.js';

function isNull(value: unknown): value is null {
  return value === null;
}

export interface Streams extends Host {
  readonly log: string[];
}

export async function startStreams(options: SignalRServerOptions = {}): Promise<Streams> {
  const log: string[] = [];
  const hub = defineHub()({
    methods: {
      count: streamMethod(parseArguments(isNumber), async function* (_context, to) {
        for (let n = 0; n < to; n += 1) yield await Promise.resolve(n);
      }),
      list: streamMethod(parseArguments(), () => ['a', 'b']),
      given: streamMethod(parseArguments(isNumber, isNull), (_context, ...args) => args),
      endless: streamMethod(parseArguments(), async function* (context) {
        try {
          yield 0;
          await new Promise((resolve) => {
            context.cancelSignal.addEventListener('abort', resolve);
          });
          yield 'never sent';
        } finally {
          log.push(`ended, aborted: ${context.cancelSignal.aborted}`);
        }
      }),
      deaf: streamMethod(parseArguments(), async function* () {
        yield 0;
        await new Promise(() => {});
      }),
      breaks: streamMethod(parseArguments(), async function* () {
        yield 0;
        throw new HubError('half way');
      }),
      fails: streamMethod(parseArguments(), (): string[] => {
        throw new HubError('at once');
      }),
      notStream: streamMethod(parseArguments(), () => 5 as unknown as number[]),
      plain: () => 1,
      sum: method(
        parseArguments(isString),
        async (_context, name, numbers) => {
          let sum = 0;
          for await (const n of numbers) sum += n;
          return `${name} ${sum}`;
        },
        { uploads: [isNumber] },
      ),
      first: method(
        parseArguments(),
        async (_context, numbers) => {
          for await (const n of numbers) return n;
          return null;
        },
        { uploads: [isNumber] },
      ),
      both: method(parseArguments(), (_context, _left, _right) => 'both', { uploads: [isNumber, isNumber] }),
      twice: streamMethod(
        parseArguments(),
        async function* (_context, numbers) {
          for await (const n of numbers) yield n * 2;
        },
        { uploads: [isNumber] },
      ),
      unread: method(
        parseArguments(),
        (context, _numbers) =>
          new Promise((resolve) => {
            context.signal.addEventListener('abort', resolve);
          }),
        { uploads: [isNumber] },
      ),
    },
  });
  const host = await startHost((server) => server.mapHub('/hub', hub), options);
  return Object.assign(host, { log });
}

export const stream = (target: string, args: readonly unknown[] = [], id = '1'): string =>
  `${JSON.stringify({ type: 4, invocationId: id, target, arguments: args })}${RS}`;

export const item = (id: string, value: unknown): string =>
  `${JSON.stringify({ type: 2, invocationId: id, item: value })}${RS}`;

export const end = (id: string, error?: string): string =>
  `${JSON.stringify({ type: 3, invocationId: id, error })}${RS}`;

export const upload = (target: string, args: readonly unknown[], streamIds: readonly string[]): string =>
  `${JSON.stringify({ type: 1, invocationId: '1', target, arguments: args, streamIds })}${RS}`;

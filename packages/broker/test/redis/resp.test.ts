// The client finds and parses the replies of Redis in the received bytes. A reply may arrive in several pieces.
import { createServer, type Socket } from 'node:net';
import { systemClock } from '@millrace/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asEntries, asStreams } from '../../src/redis/calls/replies.js';
import { resolveTarget } from '../../src/redis/connection/redis-target.js';
import { parseRedisUrl } from '../../src/redis/connection/redis-url.js';
import { ErrorReply, ReplyCursor } from '../../src/redis/resp/reply-cursor.js';
import { ReplyFramer } from '../../src/redis/resp/reply-framer.js';
import { encodeCommand, loginCommands, RespClient } from '../../src/redis/resp/resp-client.js';

type Reply = string | number | null | readonly Reply[];

const line = fc.string({ unit: fc.constantFrom('a', ' ', '-', '0', 'ä', '$', '*') });
const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '\r\n', '$5\r\nx', '*1\r\n', '-ERR\r\n'),
    fc.integer(),
    fc.constant(null),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
}));

function bulk(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

function encode(value: Reply): Buffer {
  if (value === null) return Buffer.from('$-1\r\n');
  if (typeof value === 'string') return bulk(value);
  if (typeof value === 'number') return Buffer.from(`:${value}\r\n`);
  return Buffer.concat([Buffer.from(`*${value.length}\r\n`), ...value.map(encode)]);
}

/**
 * Returns the replies that a framer finds in bytes that arrive in pieces. The numbers in `cuts` are the lengths of the
 * pieces, used in turn.
 */
function framed(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const found: Buffer[] = [];
  const framer = new ReplyFramer((one) => found.push(one));
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const end = at + (cuts[n % cuts.length] ?? bytes.length);
    framer.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}

const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const valueOf = (bytes: Buffer): unknown => new ReplyCursor(bytes).value();

describe('replies', () => {
  it('replies of every kind are found and parsed, however their bytes are split', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), cuts, (replies, pieces) => {
        const encoded = replies.map(encode);
        const found = framed(Buffer.concat(encoded), pieces);
        expect(found).toEqual(encoded);
        expect(found.map(valueOf)).toEqual(replies);
      }),
    );
  });

  it('simple strings and errors are parsed without a change of their text', () => {
    fc.assert(
      fc.property(line, cuts, (text, pieces) => {
        const [simple, error] = framed(Buffer.from(`+${text}\r\n-${text}\r\n`), pieces).map(valueOf);
        expect(simple).toBe(text);
        expect(error).toBeInstanceOf(ErrorReply);
        expect(error).toMatchObject({ message: text });
      }),
    );
  });

  it('a ReplyFramer returns no reply for bytes that end in the middle of one', () => {
    fc.assert(
      fc.property(reply, fc.nat(), (value, seed) => {
        const bytes = encode(value);
        expect(framed(bytes.subarray(0, seed % bytes.length), [7])).toEqual([]);
      }),
    );
  });

  it.each([
    'HTTP/1.1 400 Bad Request\r\n',
    '%1\r\n',
    '$x\r\n',
    '$1e3\r\n',
    '*1-\r\n',
    '$536870913\r\n',
    '*99999999999999999999999999\r\n',
    '\r\n',
  ])('the bytes %j are refused because they are not a reply', (text) => {
    expect(() => framed(Buffer.from(text), [1])).toThrow('not a reply');
    expect(() => framed(Buffer.from(text), [99])).toThrow('not a reply');
  });

  it('random bytes are parsed or refused with “no reply”, and cause no other error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (bytes, pieces) => {
        try {
          framed(Buffer.from(bytes), pieces).map(valueOf);
        } catch (error) {
          expect(error).toMatchObject({ message: 'Redis answered with bytes that are not a reply' });
        }
      }),
    );
  });
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('event_id', 'room_id', '__proto__', '', '\uFFFD', '\r\n$3\r\n'),
);
const value = fc.oneof(text, fc.uint8Array({ maxLength: 8 }));
const fields = fc.array(fc.tuple(fc.oneof(text, fc.uint8Array({ maxLength: 3 })), value), { maxLength: 20 });
const entries = fc.array(fc.record({ id: fc.nat().map((n) => `${n}-0`), fields }), { maxLength: 5 });

function encodeEntries(list: readonly { id: string; fields: readonly (readonly [Name, Name])[] }[]): Buffer {
  const parts = list.map(({ id, fields: pairs }) => {
    const flat = pairs.flat().map((part) => bulk(part));
    return Buffer.concat([Buffer.from('*2\r\n'), bulk(id), Buffer.from(`*${flat.length}\r\n`), ...flat]);
  });
  return Buffer.concat([Buffer.from(`*${list.length}\r\n`), ...parts]);
}

type Name = string | Uint8Array;

/** Returns the entry that `asEntries` should return, computed in a slower way. */
function expected({ id, fields: pairs }: { id: string; fields: readonly (readonly [Name, Name])[] }) {
  const decoded = pairs.map(([name, one]) => [Buffer.from(name).toString(), Buffer.from(one).toString()]);
  const isText = pairs
    .flat()
    .every((part) => Buffer.from(Buffer.from(part).toString()).equals(Buffer.from(part)));
  // `Object.fromEntries` defines properties without calling setters, so `__proto__` is a field like any other.
  return { id, fields: Object.entries(Object.fromEntries(decoded)), isUtf8: isText ? undefined : false };
}

describe('entries', () => {
  it('asEntries returns the fields as they were written, and marks entries that are not UTF-8', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const read = asEntries(encodeEntries(list)).map(({ id, fields: all, isUtf8 }) => {
          return { id, fields: Object.entries(all), isUtf8 };
        });
        expect(read).toEqual(list.map(expected));
      }),
    );
  });

  it('asStreams returns the entries of each stream, and an empty map if the read found no entries', () => {
    const one = encodeEntries([{ id: '1-0', fields: [['n', '1']] }]);
    const two = encodeEntries([
      { id: '2-0', fields: [] },
      { id: '3-0', fields: [['n', 'ä']] },
    ]);
    const bytes = [Buffer.from('*2\r\n*2\r\n'), bulk('a'), one, Buffer.from('*2\r\n'), bulk('b'), two];
    const found = asStreams(Buffer.concat(bytes));
    expect([...found.keys()]).toEqual(['a', 'b']);
    expect(found.get('a')?.map((entry) => entry.fields)).toEqual([{ n: '1' }]);
    expect(found.get('b')?.map((entry) => entry.fields)).toEqual([{}, { n: 'ä' }]);
    expect(asStreams(Buffer.from('*-1\r\n'))).toEqual(new Map());
  });
});

describe('commands', () => {
  it('a command is encoded as an array of bulk strings, with their lengths in bytes', () => {
    expect(encodeCommand(['SET', 'ä', ''])).toBe('*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$0\r\n\r\n');
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (args) => {
        expect(valueOf(Buffer.from(encodeCommand(args)))).toEqual(args);
      }),
    );
  });

  it.each([
    ['redis://host', [['CLIENT', 'SETNAME', 'me']]],
    [
      'redis://:p%40ss@host/0',
      [
        ['AUTH', 'p@ss'],
        ['CLIENT', 'SETNAME', 'me'],
      ],
    ],
    [
      'rediss://u%20v:p@[::1]:1/3',
      [
        ['AUTH', 'u v', 'p'],
        ['CLIENT', 'SETNAME', 'me'],
        ['SELECT', '3'],
      ],
    ],
    [
      'redis://u@host',
      [
        ['AUTH', 'u', ''],
        ['CLIENT', 'SETNAME', 'me'],
      ],
    ],
  ])('the client logs in to %s with the commands %j', (url, commands) => {
    expect(loginCommands(parseRedisUrl(url), 'me')).toEqual(commands);
  });
});

describe('a client', () => {
  it('replies settle the commands in the order of sending, and an error reply rejects only one command', async () => {
    await using server = await startServer('+1\r\n-ERR no\r\n$1\r\n3\r\n');
    const client = newClient(server.port);
    const replies = ['A', 'B', 'C'].map((name) => client.send([name], 5_000));
    expect(await Promise.allSettled(replies)).toMatchObject([
      { value: '1' },
      { reason: { message: 'ERR no' } },
      { value: '3' },
    ]);
    client.end(new Error('done'));
  });

  it('a command without a reply at its deadline ends the connection, and the other open commands reject', async () => {
    await using server = await startServer('');
    let ended: Error | undefined;
    const client = newClient(server.port, (cause) => {
      ended = cause;
    });
    const replies = await Promise.allSettled([client.send(['A'], 5_000), client.send(['B'], 50)]);
    expect(replies).toMatchObject([
      { reason: { code: 'unavailable', mayHaveHappened: true } },
      { reason: { code: 'timeout', message: 'Redis did not answer B within 50 ms' } },
    ]);
    expect(ended).toMatchObject({ code: 'timeout' });
    await expect(client.send(['C'], 50)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each([
    ['bytes that are not a reply', 'HTTP/1.1 400\r\n', 'not a reply'],
    ['a reply without a command', '+1\r\n+2\r\n', 'reply without a command'],
  ])('the client ends its connection when it receives %s', async (_, answer, message) => {
    await using server = await startServer(answer);
    const cause = await new Promise<Error>((resolve) => {
      newClient(server.port, resolve)
        .send(['A'], 5_000)
        .catch(() => {});
    });
    expect(cause.message).toContain(message);
  });

  it('a command without a reply rejects when the server ends the connection', async () => {
    await using server = await startServer(undefined);
    await expect(newClient(server.port).send(['A'], 5_000)).rejects.toThrow('Socket closed');
  });
});

function newClient(port: number, onEnd: (cause: Error) => void = () => {}): RespClient {
  const address = `127.0.0.1:${port}`;
  const endpoint = resolveTarget(`redis://${address}`).endpointOf(address);
  return new RespClient(endpoint, { clock: systemClock, onErrorReply: () => {}, onEnd });
}

/**
 * Starts a server. It answers the first bytes of each connection with `answer`, or ends the connection if `answer` is undefined.
 */
async function startServer(answer: string | undefined) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('data', () => (answer === undefined ? socket.destroy() : socket.write(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/*
 * Sends random bytes of clients to complete connections. Valid bytes must mean the same however they are split. Corrupted
 * bytes must cause no crash and no hang, and leave no state behind. `FUZZ_MINUTES=10` adds a test that runs for ten minutes.
 */
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineHub, SignalRError } from '../../src/index.js';
import type { HubMessage } from '../../src/protocol/hub-message.js';
import type { HubProtocol } from '../../src/protocol/hub-protocol.js';
import { RecordReader } from '../../src/protocol/record-reader.js';
import { type Host, startHost } from '../support/host.js';
import { cut, cuts, hostileStream, validStream } from '../support/hub-streams.js';
import { MemoryHub } from '../support/memory-connection.js';
import { call, openRaw } from '../support/raw-client.js';

const minutes = Number(process.env['FUZZ_MINUTES'] ?? 0);

/** Counters for the report of a long run. */
const done = { lives: 0, bytes: 0, ends: new Map<string, number>() };

/** Parameters of one round. The seed in a failure message repeats the failed round. */
type Round = { readonly numRuns: number; readonly seed?: number };

async function anyCutMeansTheSame(round: Round): Promise<void> {
  await fc.assert(
    fc.asyncProperty(validStream, cuts, fc.boolean(), async (stream, lengths, isSlow) => {
      const hub = new MemoryHub();
      const [whole, pieces]: [HubMessage[], HubMessage[]] = [[], []];
      const answer = await hub.live([stream.bytes], { onMessage: (message) => whole.push(message) });
      const answerToPieces = await hub.live(cut(stream.bytes, lengths), {
        isSlow,
        onMessage: (message) => pieces.push(message),
      });
      expect(whole).toHaveLength(stream.messageCount);
      expect(pieces).toEqual(whole);
      expect(answerToPieces).toEqual(answer);
      note(stream.bytes, hub);
    }),
    round,
  );
}

/** The close reasons that a client's bytes may cause. */
const EXPECTED_ENDS: ReadonlySet<string> = new Set([
  'client_closed',
  'client_error',
  'malformed_message',
  'message_too_big',
  'handshake closed',
  'handshake malformed',
  'handshake refused',
  'handshake too_big',
]);

async function noBytesDoHarm(round: Round): Promise<void> {
  const hub = new MemoryHub();
  await fc.assert(
    fc.asyncProperty(hostileStream, cuts, fc.boolean(), async ({ protocol, bytes }, lengths, isSlow) => {
      const answer = await hub.live(cut(bytes, lengths), { isSlow });
      expectWellFormed(answer, protocol);
      expect(hub.connectionCount).toBe(0);
      expect(hub.runningCount).toBe(0);
      expect(hub.clock.timerCount).toBe(0);
      for (const end of note(bytes, hub)) expect(EXPECTED_ENDS).toContain(end);
    }),
    round,
  );
}

/** Checks that the server has sent a handshake answer, and then only messages that a client can read. */
function expectWellFormed(answer: Buffer, protocol: HubProtocol): void {
  const records = new RecordReader(1_000_000);
  records.push(answer);
  const handshake = records.next();
  if (handshake === undefined) {
    expect(answer).toHaveLength(0);
    return;
  }
  const response: unknown = JSON.parse(handshake.toString());
  const isAccepted = Object.keys(response as object).length === 0;
  const parser = protocol.createParser(1_000_000);
  parser.push(records.takeRest());
  let types = 0;
  for (let message = parser.next(); message !== undefined; message = parser.next()) types += 1;
  if (!isAccepted) expect(types).toBe(0);
}

/** Counts the connections that have ended, by the way in which they ended. */
function note(bytes: Buffer, hub: MemoryHub): readonly string[] {
  const ends = hub.events.flatMap((event) => {
    if (event.type === 'connection_closed') return [event.reason];
    return event.type === 'handshake_failed' ? [`handshake ${event.reason}`] : [];
  });
  hub.events.length = 0;
  done.lives += ends.length;
  done.bytes += bytes.length;
  for (const end of ends) done.ends.set(end, (done.ends.get(end) ?? 0) + 1);
  return ends;
}

/** HTTP requests as bytes. Each part of a request may be invalid. */
const requestBytes = fc
  .record({
    line: fc.oneof(
      fc
        .tuple(
          fc.constantFrom('GET', 'POST', 'DELETE', 'OPTIONS', 'PUT', 'HEAD', 'CONNECT'),
          fc.constantFrom(
            '/hub',
            '/HUB/',
            '/hub/negotiate',
            '/hub?id=x',
            '/hub?id=',
            '/hub?%',
            '//hub',
            '*',
            'http://[/hub',
          ),
          fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/9'),
        )
        .map((parts) => parts.join(' ')),
      fc.string({ maxLength: 30 }),
    ),
    headers: fc.array(
      fc.oneof(
        fc.constantFrom(
          'Host: x',
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          'Accept: text/event-stream',
          'Content-Length: 5',
          'Content-Length: -1',
          'Transfer-Encoding: chunked',
          'Origin: null',
          'Authorization: Bearer \u00ff',
          'Expect: 100-continue',
        ),
        fc.string({ maxLength: 30 }),
      ),
      { maxLength: 8 },
    ),
    body: fc.uint8Array({ maxLength: 200 }),
  })
  .map(({ line, headers, body }) =>
    Buffer.concat([Buffer.from(`${[line, ...headers].join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]),
  );

const upgrade = Buffer.from(
  'GET /hub HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
);

/** A valid WebSocket upgrade, followed by frames of any kind and length, masked or not. */
const webSocketBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 100 }))
        .map(([head, payload]) => Buffer.from([head, 0x80 | payload.length, 0, 0, 0, 0, ...payload])),
    ),
    { maxLength: 6 },
  )
  .map((frames) => Buffer.concat([upgrade, ...frames]));

async function noSocketDoesHarm(host: Host, round: Round): Promise<void> {
  const { port } = new URL(host.url);
  await fc.assert(
    fc.asyncProperty(fc.oneof(requestBytes, webSocketBytes), async (bytes) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.resume();
      socket.on('error', () => {}); // The server ends connections that it cannot read.
      const closed = new Promise((resolve) => {
        socket.on('close', resolve);
      });
      socket.end(bytes);
      // A request that waits for its body, a poll and an event stream end only when the client closes the socket.
      setImmediate(() => setImmediate(() => socket.destroy()));
      await closed;
      done.bytes += bytes.length;
    }),
    round,
  );
  await using client = await openRaw(host);
  client.send(call('echo', ['served']));
  expect(await client.next()).toContain('served');
}

const startEcho = (): Promise<Host> =>
  startHost((server) =>
    server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } })),
  );

test('a connection reads the same messages however its valid bytes are cut', () =>
  anyCutMeansTheSame({ numRuns: 100 }));

test('no bytes of a client crash a connection, prevent its end or leave anything behind', () =>
  noBytesDoHarm({ numRuns: 500 }));

test('the server serves the next client, whatever bytes arrive on its port', async () => {
  await using host = await startEcho();
  await noSocketDoesHarm(host, { numRuns: 80 });
});

test('a parser throws only its own errors', () => {
  fc.assert(
    fc.property(hostileStream, ({ protocol, bytes }) => {
      const parser = protocol.createParser(2_000);
      try {
        parser.push(bytes);
        while (parser.next() !== undefined);
      } catch (error) {
        expect(error).toBeInstanceOf(SignalRError);
      }
    }),
    { numRuns: 500 },
  );
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The number of heap bytes in use. */
function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const MEGABYTE = 1_000_000;

test.runIf(minutes > 0)(
  `connections survive random bytes for ${minutes} minutes, and memory does not grow after the first tenth`,
  async () => {
    const startedMs = performance.now();
    const endMs = startedMs + minutes * 60_000;
    await using host = await startEcho();
    let heapEarly = 0;
    let heapMost = 0;
    for (let round = 0; performance.now() < endMs; round += 1) {
      const seed = round + (Date.now() % 1_000_000) * 1_000;
      await anyCutMeansTheSame({ numRuns: 100, seed });
      await noBytesDoHarm({ numRuns: 400, seed });
      await noSocketDoesHarm(host, { numRuns: 50, seed });
      (host.events as unknown[]).length = 0; // The test host keeps all events.
      const heap = heapBytes();
      if (performance.now() - startedMs < minutes * 6_000) heapEarly = Math.max(heapEarly, heap);
      heapMost = Math.max(heapMost, heap);
    }
    const heapEnd = heapBytes();
    console.info(
      `${done.lives} connections, ${(done.bytes / MEGABYTE).toFixed(0)} MB; heap after the first tenth ` +
        `${(heapEarly / MEGABYTE).toFixed(1)} MB, most ${(heapMost / MEGABYTE).toFixed(1)} MB, ` +
        `at the end ${(heapEnd / MEGABYTE).toFixed(1)} MB`,
      Object.fromEntries(done.ends),
    );
    expect(heapEnd).toBeLessThan(heapEarly + 20 * MEGABYTE);
  },
  (minutes + 2) * 60_000,
);

/* Clients that disconnect during their authentication. The server keeps no state for them, and loses no message. */
import { type ClientRequest, request, type Server } from 'node:http';
import { expect, test } from 'vitest';
import { defineHub, type Hub } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openPolling, send } from '../support/http-client.js';

interface NoteClient {
  note(text: string): void;
}

interface Stage extends Host {
  readonly hub: Hub<NoteClient>;
  /** Breaks the client's connection while `authenticate` waits, then lets `authenticate` return. */
  leaveDuringQuestion(outgoing: ClientRequest): Promise<void>;
}

async function start(): Promise<Stage> {
  let hub: Hub<NoteClient> | undefined;
  const questions: (() => void)[] = [];
  let isAsking = false;
  const host = await startHost((server) => {
    hub = server.mapHub('/hub', defineHub<NoteClient>()({ methods: {} }), {
      async authenticate() {
        if (isAsking) await new Promise<void>((resolve) => questions.push(resolve));
        return { userId: 'ann', user: undefined };
      },
    });
  });
  if (hub === undefined) throw new Error('not mapped');
  const leaveDuringQuestion = async (outgoing: ClientRequest): Promise<void> => {
    isAsking = true;
    await leaveWhen(host.http, outgoing, () => questions.length === 1);
    isAsking = false;
    for (const answer of questions.splice(0)) answer();
    // The server answers this later request only after it has handled the broken one.
    await send(`${host.url}/x`);
  };
  return Object.assign(host, { hub, leaveDuringQuestion });
}

/** Sends a request, and breaks its connection when `isTime` is true. Resolves when the server has noticed the break. */
async function leaveWhen(http: Server, outgoing: ClientRequest, isTime: () => boolean): Promise<void> {
  const left = new Promise<void>((resolve) => {
    http.once('connection', (socket) => socket.once('close', () => resolve()));
  });
  outgoing.on('error', () => {}); // the test breaks the connection
  outgoing.end();
  await expect.poll(isTime).toBe(true);
  outgoing.socket?.resetAndDestroy();
  await left;
}

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

test('a client that disconnects before its WebSocket is accepted does not use up its token', async () => {
  await using host = await start();
  const url = await negotiateUrl(host);
  await host.leaveDuringQuestion(request(url, { headers: upgrade, agent: false }));
  expect((await send(url)).text).toBe('200');
});

test('a client that disconnects before its event stream begins leaves nothing behind', async () => {
  await using host = await start();
  const url = await negotiateUrl(host);
  await host.leaveDuringQuestion(request(url, { headers: { Accept: 'text/event-stream' }, agent: false }));
  host.clock.pass(60_000);
  expect([host.clock.timerCount, host.events]).toEqual([0, []]);
  expect((await send(url)).text).toBe('404 No Connection with that ID');
});

test('a poll that is aborted during its authentication loses no message that is sent afterwards', async () => {
  await using host = await start();
  const url = await openPolling(host);
  await host.leaveDuringQuestion(request(url, { agent: false }));
  host.hub.clients.all.send('note', 'not lost');
  expect((await send(url)).text).toContain('not lost');
});

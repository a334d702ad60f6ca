/*
 * Features: how connections end, reconnect, and are kept alive.
 */
import { eventually, rejected, same } from '../check.js';
import type { Lab, Me } from '../lab.js';

const PING = 6;

export async function cut(lab: Lab): Promise<void> {
  const client = await lab.connect({ reconnects: true });
  const { connection } = client;
  const firstId = connection.connectionId;
  await connection.invoke('join', lab.name('group'));
  await lab.cutUntilNoticed(client);
  // An event source does not report why it has ended.
  const isSilent = lab.lane.transport === 'ServerSentEvents';
  same((await client.reconnecting) === undefined, isSilent, 'without an error');
  same((await client.reconnected) === firstId, false, 'the same id');
  same((await connection.invoke<Me>('me')).groups, [], 'groups');
}

export async function stateful(lab: Lab): Promise<void> {
  const client = await lab.connect({ stateful: true });
  const { connection } = client;
  const firstId = connection.connectionId;
  let hasLeft = false;
  connection.onreconnecting(() => {
    hasLeft = true;
  });
  connection.onclose(() => {
    hasLeft = true;
  });
  const [rounds, perRound] = [4, 20];
  const answers: Promise<unknown>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (let n = 0; n < perRound; n += 1)
      answers.push(connection.invoke('tell', round * perRound + n), connection.send('tell', 'sent'));
    await lab.cut();
    await connection.invoke('echo', 'back again');
  }
  await Promise.all(answers);
  const notes: unknown[] = [];
  for (let n = 0; n < rounds * perRound; n += 1) notes.push(await client.next(), await client.next());
  const expected = Array.from({ length: rounds * perRound }, (_, n) => [[n], ['sent']]).flat();
  same(notes, expected, 'notes');
  await connection.invoke('tell', 'last');
  same(await client.next(), ['last']);
  same([hasLeft, connection.connectionId], [false, firstId]);
}

export async function sentAway(lab: Lab): Promise<void> {
  const client = await lab.connect({ reconnects: true, token: 'expires' });
  const firstId = client.connection.connectionId;
  await lab.advance(11_000);
  same((await client.reconnected) === firstId, false, 'the same id');
  same(await lab.closeReason(firstId), 'authentication_expired');
  same(await client.connection.invoke('echo', 'back again'), 'back again');
}

export async function aborted(lab: Lab): Promise<void> {
  const client = await lab.connect({ reconnects: true });
  const { connectionId } = client.connection;
  let triesAgain = false;
  client.connection.onreconnecting(() => {
    triesAgain = true;
  });
  await client.connection.send('abort');
  same(await client.closed, undefined, 'error');
  same(triesAgain, false, 'tries again');
  same(await lab.closeReason(connectionId), 'aborted');
}

export async function stop(lab: Lab): Promise<void> {
  const client = await lab.connect({ reconnects: true });
  const { connectionId } = client.connection;
  const refused = rejected(client.connection.invoke('whileConnected'), 'Invocation canceled');
  await client.connection.stop();
  await refused;
  same(await client.closed, undefined, 'error');
  same(await lab.closeReason(connectionId), 'client_closed');
}

export async function pinged(lab: Lab): Promise<void> {
  const seenTypes: number[] = [];
  const client = await lab.connect({ seenTypes });
  await client.connection.invoke('nothing');
  const pings = (): number => seenTypes.filter((type) => type === PING).length;
  for (let round = 1; round <= 3; round += 1) {
    const before = pings();
    await lab.advance(8_000);
    await lab.advance(8_000);
    await eventually(() => pings() > before);
    same(await client.connection.invoke('echo', round), round);
  }
}

export async function silentClient(lab: Lab): Promise<void> {
  const client = await lab.connect({ reconnects: true });
  const firstId = client.connection.connectionId;
  // The client has sent its first ping before this call. Since that ping, the server expects pings.
  await client.connection.invoke('nothing');
  await lab.advance(32_000);
  same(String(await client.reconnecting).includes('Connection closed with an error.'), true, 'told why');
  same((await client.reconnected) === firstId, false, 'the same id');
  same(await lab.closeReason(firstId), 'client_timeout');
}

export async function silentServer(lab: Lab): Promise<void> {
  const client = await lab.connect();
  client.connection.serverTimeoutInMilliseconds = 50;
  await client.connection.send('tell', 'the last word');
  const text = 'Server timeout elapsed without receiving a message from the server.';
  same(String(await client.closed), `Error: ${text}`);
}

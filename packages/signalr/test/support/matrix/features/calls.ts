/*
 * Features: calls in both directions, and the clients that receive them.
 */
import { rejected, same } from '../check.js';
import type { Lab, Me } from '../lab.js';

export async function invoke(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  same(await connection.invoke('echo', 7), 7);
  same(await connection.invoke('ECHO', 'case does not count'), 'case does not count');
  same(await connection.invoke('later', 'slow'), 'slow');
  same(await connection.invoke('nothing'), null);
  const { transport } = await connection.invoke<Me>('me');
  same(transport, lab.lane.transport, 'transport');
}

export async function hubError(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  await rejected(
    connection.invoke('fail'),
    "An unexpected error occurred invoking 'fail' on the server. HubException: no such room",
  );
  const text = await rejected(connection.invoke('break'));
  same(text, "Error: An unexpected error occurred invoking 'break' on the server.");
}

export async function wrongCalls(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  const failed = (target: string): string => `Failed to invoke '${target}' due to an error on the server.`;
  await rejected(connection.invoke('nope'), `${failed('nope')} HubException: Method does not exist.`);
  await rejected(connection.invoke('constructor'), 'Method does not exist.');
  await rejected(connection.invoke('shout'), failed('shout'));
  await rejected(connection.invoke('shout', 5), failed('shout'));
  await rejected(
    connection.invoke('count', 1),
    "the streaming 'count' method with a non-streaming invocation",
  );
  same(await connection.invoke('shout', 'still here'), 'STILL HERE');
}

export async function send(lab: Lab): Promise<void> {
  const client = await lab.connect();
  await client.connection.send('fail');
  await client.connection.send('nope');
  await client.connection.send('tell', 'sent');
  same(await client.next(), ['sent']);
}

export async function order(lab: Lab): Promise<void> {
  const client = await lab.connect();
  const numbers = Array.from({ length: 50 }, (_, index) => index);
  const answers = await Promise.all(numbers.map((n) => client.connection.invoke<number>('tell', n)));
  same(
    answers,
    numbers.map(() => 1),
    'answers',
  );
  const notes: unknown[] = [];
  for (const _ of numbers) notes.push(...(await client.next()));
  same(notes, numbers, 'notes');
}

export async function groups(lab: Lab): Promise<void> {
  const [ann, bob] = [await lab.connect(), await lab.connect()];
  const [red, blue] = [lab.name('red'), lab.name('blue')];
  await ann.connection.invoke('join', red);
  await bob.connection.invoke('join', red);
  await bob.connection.invoke('join', blue);
  same(await ann.connection.invoke('toGroup', red, 'to both'), 2);
  same(await ann.connection.invoke('toGroup', blue, 'to one'), 1);
  same(await ann.connection.invoke('toOthersInGroup', red, 'to the other'), 1);
  await bob.connection.invoke('leave', red);
  same(await ann.connection.invoke('toGroup', red, 'to who is left'), 1);
  same(await ann.connection.invoke('toGroup', blue, 'last'), 1);
  same([await ann.next(), await ann.next()], [['to both'], ['to who is left']]);
  same(
    [await bob.next(), await bob.next(), await bob.next(), await bob.next()],
    [['to both'], ['to one'], ['to the other'], ['last']],
  );
}

export async function users(lab: Lab): Promise<void> {
  const user = lab.name('user');
  const caller = await lab.connect({ token: lab.name('caller') });
  const devices = [await lab.connect({ token: user }), await lab.connect({ token: user })];
  same(await caller.connection.invoke('toUser', user, 'to both devices'), 2);
  await caller.connection.invoke('toOthers', 'to others');
  await caller.connection.invoke('tell', 'to the caller');
  for (const device of devices)
    same([await device.next(), await device.next()], [['to both devices'], ['to others']]);
  same(await caller.next(), ['to the caller']);
}

export async function answer(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  await rejected(connection.invoke('ask', '?'), "HubException: Client didn't provide a result.");
  connection.on('question', async (text: string) => {
    await Promise.resolve();
    if (text === 'fail') throw new Error('I do not know');
    return text === 'null' ? null : `${text}!`;
  });
  same(await connection.invoke('ask', 'well'), 'well!');
  same(await connection.invoke('ask', 'null'), null);
  await rejected(connection.invoke('ask', 'fail'), 'I do not know');
  const both = [connection.invoke('ask', 'a'), connection.invoke('ask', 'b')];
  same(await Promise.all(both), ['a!', 'b!']);
}

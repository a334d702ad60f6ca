/* Features: how a client finds the server, and which clients the server admits. */
import { rejected, same } from '../check.js';
import type { Lab, Me } from '../lab.js';

export async function token(lab: Lab): Promise<void> {
  const user = lab.name('ann');
  const { connection } = await lab.connect({ token: user });
  const me = await connection.invoke<Me>('me');
  same(me.userId, user, 'user');
  // Web pages cannot set the headers of WebSockets and event streams. Therefore the client puts the token into the query in
  // browsers. For event streams it does so in Node, too.
  const { transport } = lab.lane;
  const isInHeader =
    transport === 'LongPolling' || (transport === 'WebSockets' && lab.runtime.name === 'Node');
  same(me.tokenIn, isInHeader ? 'header' : 'query', 'place of the token');
}

export async function unauthorized(lab: Lab): Promise<void> {
  await rejected(lab.connect({ token: 'bad' }), "Unauthorized: Status code '401'");
}

export async function redirect(lab: Lab): Promise<void> {
  const { connection } = await lab.connect({ path: '/hubs/elsewhere', token: 'first' });
  const { userId, transport } = await connection.invoke<Me>('me');
  same([userId, transport], ['redirected', lab.lane.transport]);
}

export async function onlyTransport(lab: Lab): Promise<void> {
  const { transport } = lab.lane;
  const { connection } = await lab.connect({ path: `/hubs/only-${transport}`, transport: 'any' });
  same((await connection.invoke<Me>('me')).transport, transport);
}

export async function skipNegotiation(lab: Lab): Promise<void> {
  const user = lab.name('ann');
  const { connection } = await lab.connect({ skipNegotiation: true, token: user });
  same(connection.connectionId, null);
  same((await connection.invoke<Me>('me')).userId, user);
}

export async function otherOrigin(lab: Lab): Promise<void> {
  const origin = lab.runtime.url.replace('127.0.0.1', 'localhost');
  const { connection } = await lab.connect({ origin, path: '/hubs/guests', token: 'guest' });
  same(await connection.invoke('echo', 'from afar'), 'from afar');
  await rejected(lab.connect({ origin, path: '/hubs/matrix' }));
}

export async function binaryOverText(lab: Lab): Promise<void> {
  await rejected(lab.connect(), "'ServerSentEvents' does not support Binary");
  await rejected(
    lab.connect({ path: '/hubs/only-ServerSentEvents', transport: 'any' }),
    'does not support Binary',
  );
}

// A backend asks who is there while Redis has lost its data, and not all gateways have written their members again.
import { expect, test } from 'vitest';
import { PresenceClient } from '../../fixtures/clients/presence-client.js';
import { GatewayRow } from '../../fixtures/systems/gateway-row.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

interface Answer {
  readonly online?: boolean;
  readonly members?: readonly { readonly user_id: string }[];
}

test('a backend that asks while Redis has lost its data is told who is there, or to ask again', async () => {
  await using row = await GatewayRow.start(2, { MILLRACE_PRESENCE_GRACE_MS: '2000' });
  const gateways = row.names.map((name) => row.get(name));
  for (const gateway of gateways) gateway.mayLogErrors = true;
  const [first, second] = gateways;
  if (first === undefined || second === undefined) throw new Error('there are two gateways');
  await using ana = await PresenceClient.connect(first.url, 'ana', 'key-of-ana');
  await ana.join('room');
  const wanted = { online: 'true', members: 'ana' };
  const ask = async (url: string) => {
    const [online, members] = await Promise.all(
      ['/v1/users/ana/online', '/v1/rooms/room/members'].map(async (path) => {
        const response = await fetch(`${url}${path}`);
        return { status: response.status, body: (await response.json()) as Answer };
      }),
    );
    return {
      online: online?.status === 503 ? '503' : String(online?.body.online),
      members: members?.status === 503 ? '503' : String(members?.body.members?.map((one) => one.user_id)),
    };
  };
  for (const { url } of gateways) await eventually(async () => expect(await ask(url)).toEqual(wanted));
  await row.redis.cli('FLUSHALL');
  const over = new AbortController();
  const asking = Promise.all(
    gateways.map(async ({ url }) => {
      const answers = new Set<string>();
      while (!over.signal.aborted) for (const answer of Object.values(await ask(url))) answers.add(answer);
      return answers;
    }),
  );
  for (const gateway of gateways) await gateway.line(/presence was lost in the store/);
  // After the grace, a gateway knows again who is not there.
  for (const { url } of gateways)
    await eventually(async () => expect((await fetch(`${url}/v1/users/nobody/online`)).status).toBe(200));
  for (const { url } of gateways) await eventually(async () => expect(await ask(url)).toEqual(wanted));
  over.abort();
  for (const answers of await asking)
    expect([...answers].filter((answer) => !['true', 'ana', '503'].includes(answer))).toEqual([]);
});

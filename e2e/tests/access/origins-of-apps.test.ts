// Apps that show web pages in a native shell send origins with unusual schemes. Such an app may connect only if its origin is
// listed.
import { expect, test } from 'vitest';
import { askForWebSocket } from '../../fixtures/http/http-request.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const listed = [
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'app://desk',
  'null',
] as const;
const gateway = sharedSystem(() =>
  GatewayProcess.start({ MILLRACE_ALLOWED_ORIGINS: ['https://app.example', ...listed].join(',') }),
);
const plain = sharedSystem(() => GatewayProcess.start());

test.each(listed)(
  'the listed origin %s is accepted in CORS requests and in upgrade requests',
  async (origin) => {
    const answer = await fetch(`${gateway().url}/hubs/events/negotiate?negotiateVersion=1`, {
      method: 'POST',
      headers: { origin },
    });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    expect(await webSocketStatus(gateway().url, origin)).toBe(101);
  },
);

test.each(['app://other', 'capacitor://elsewhere', 'https://other.example'])(
  'the origin %s is refused, because it is not listed',
  async (origin) => {
    expect(await webSocketStatus(gateway().url, origin)).toBe(403);
  },
);

test('the origin null is refused if it is not listed, even in development mode', async () => {
  expect(await webSocketStatus(plain().url, 'null')).toBe(403);
  const answer = await fetch(`${plain().url}/hubs/events/negotiate?negotiateVersion=1`, {
    method: 'POST',
    headers: { origin: 'null' },
  });
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
});

async function webSocketStatus(url: string, origin: string): Promise<number | undefined> {
  return (await askForWebSocket(`${url}/hubs/events`, { origin })).status;
}

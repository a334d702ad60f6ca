// Clients that load the state of their room from a backend. Argument: a {@link LoadingClientsOrder} as JSON.
import { createClient } from '@millrace/client';
import { createLightConnection } from './light-connection.js';

/** The clients of one process. */
export interface LoadingClientsOrder {
  readonly url: string;
  readonly backendUrl: string;
  /** Number of the first client. The numbers continue over all processes. */
  readonly first: number;
  readonly count: number;
  readonly rooms: number;
}

/** Report about the clients of a process. */
export interface LoadingClientsReport {
  /** Clients whose room is live. */
  readonly live: number;
  /** Clients whose room is live and was loaded since the last `reset`. */
  readonly loaded: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as LoadingClientsOrder; // written by the parent process
const atOnce = 50;

/** Numbers of the clients that loaded since the last `reset`. */
const loaded = new Set<number>();

function startClient(number: number) {
  const client = createClient({ url: order.url, createConnection: createLightConnection });
  const room = client.join(`room-${number % order.rooms}`);
  const load = room.load(
    async ({ roomId, signal }) => {
      const response = await fetch(`${order.backendUrl}/${roomId}/${number}`, { signal });
      return response.text();
    },
    { onState: () => loaded.add(number) },
  );
  client.onError(() => {});
  void client.connect();
  return { number, load };
}

const clients: ReturnType<typeof startClient>[] = [];
for (let index = 0; index < order.count; index += atOnce) {
  const count = Math.min(atOnce, order.count - index);
  const batch = Array.from({ length: count }, (_, at) => startClient(order.first + index + at));
  clients.push(...batch);
  await Promise.all(batch.map(({ load }) => load.ready));
}

process.on('message', (command: 'report' | 'reset') => {
  if (command === 'reset') loaded.clear();
  const live = clients.filter(({ load }) => load.snapshot.status === 'live');
  const report: LoadingClientsReport = {
    live: live.length,
    loaded: live.filter(({ number }) => loaded.has(number)).length,
  };
  process.send?.(report);
});
process.send?.({ ready: true });

/*
 * A wire that breaks in the middle of what goes over it: a connection carries some number of bytes in one direction, then it is
 * reset. The numbers come from a seed, so that a run can be repeated.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface BreakingWire extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** How many connections are still going to break. */
  readonly breaksLeft: number;
  /** From now on so many connections break, one after the other; those that are open are cut at once. */
  breakNext(count: number): void;
}

/** Enough for the request and the answer of an upgrade: clients do not repeat one that fails. */
const MINIMUM_BYTES = 800;
const MAXIMUM_BYTES = 3_800;

/** Turns of the event loop between the last byte of one direction and the reset. */
const MAXIMUM_TURNS = 30;

function afterTurns(count: number, act: () => void): void {
  if (count === 0) act();
  else setImmediate(() => afterTurns(count - 1, act));
}

export async function startBreakingWire(targetUrl: string, seed: number): Promise<BreakingWire> {
  const sockets = new Set<Socket>();
  let breaksLeft = 0;
  let random = seed;
  const below = (limit: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (random >>> 8) % limit;
  };
  const wire = createServer((client) => {
    const server = connect(Number(new URL(targetUrl).port), '127.0.0.1');
    const allowances = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    if (breaksLeft > 0) allowances[below(2)] = MINIMUM_BYTES + below(MAXIMUM_BYTES - MINIMUM_BYTES);
    for (const [index, [from, to]] of [[client, server] as const, [server, client] as const].entries()) {
      sockets.add(from);
      let left = allowances[index] ?? 0;
      from.setNoDelay(true);
      from.on('error', () => {}); // 'close' follows
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (data: Buffer) => {
        if (left <= 0) return;
        to.write(data.subarray(0, left));
        left -= data.length;
        if (left > 0) return;
        breaksLeft -= 1;
        // The other direction continues for a little while, as it does when a network fails.
        afterTurns(1 + below(MAXIMUM_TURNS), () => {
          from.resetAndDestroy();
          to.resetAndDestroy();
        });
      });
    }
  });
  wire.listen(0, '127.0.0.1');
  await once(wire, 'listening');
  return {
    url: `http://127.0.0.1:${(wire.address() as AddressInfo).port}`,
    get breaksLeft() {
      return breaksLeft;
    },
    breakNext(count) {
      breaksLeft = count;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      wire.close();
      await once(wire, 'close');
    },
  };
}

// Requests to publish are refused when the event loop has no time for them.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { guardIngest, TurnBudget } from '../../src/http/ingest-admission.js';

function setUp() {
  let timeMs = 0;
  let idleMs = 0;
  const budget = new TurnBudget(
    () => timeMs,
    () => idleMs,
  );
  /** Runs a turn with requests of 1 ms each, then other work of `elseMs`. Returns the number of requests that were served. */
  const turn = (requests: number, elseMs = 0): number => {
    let served = 0;
    for (let n = 0; n < requests; n += 1) {
      if (!budget.admits()) continue;
      served += 1;
      timeMs += 1;
    }
    budget.endTurn();
    timeMs += elseMs;
    return served;
  };
  /** Lets time pass in which the event loop has nothing to do. */
  const idle = (ms: number): void => {
    timeMs += ms;
    idleMs += ms;
  };
  return { budget, turn, idle };
}

it('every request of a burst is served, even if the burst is large', () => {
  const { turn } = setUp();
  expect(turn(400)).toBe(400);
  expect(turn(90)).toBe(90);
});

it('steady load is served if it leaves time in every turn of the event loop', () => {
  const { turn } = setUp();
  for (let n = 0; n < 1_000; n += 1) expect(turn(49)).toBe(49);
});

it('the ingest endpoint limits requests per turn after half a second of late turns', () => {
  const { turn } = setUp();
  for (let n = 0; n < 5; n += 1) expect(turn(100)).toBe(100);
  expect(turn(100)).toBe(20);
  expect(turn(100)).toBe(20);
});

it('the ingest endpoint serves at least one request in each turn, even if the turns are very late', () => {
  const { turn, budget } = setUp();
  for (let n = 0; n < 7; n += 1) turn(100, 1_000);
  expect(budget.isFirstOfTurn).toBe(true);
  expect(turn(1, 1_000)).toBe(1);
});

it('every request is served again after a turn that had time left', () => {
  const { turn } = setUp();
  for (let n = 0; n < 8; n += 1) turn(100);
  expect(turn(19)).toBe(19);
  expect(turn(100)).toBe(100);
});

it('every request is served again after a pause in which the event loop had nothing to do', () => {
  const { turn, idle } = setUp();
  for (let n = 0; n < 8; n += 1) turn(100);
  expect(turn(100)).toBe(20);
  idle(50);
  expect(turn(100)).toBe(100);
});

it('every request of each burst is served if the event loop has nothing to do between the bursts', () => {
  const { turn, idle } = setUp();
  for (let n = 0; n < 100; n += 1) {
    expect(turn(100)).toBe(100);
    idle(3_600_000);
  }
});

it('short waits between late turns do not end an overload', () => {
  const { turn, idle } = setUp();
  for (let n = 0; n < 8; n += 1) {
    turn(100);
    idle(10);
  }
  expect(turn(100)).toBe(20);
});

it('a server that has nothing to do between bursts refuses no request', async () => {
  const server = createServer((_request, response) => {
    const endMs = performance.now() + 30;
    while (performance.now() < endMs);
    response.end();
  });
  const refused: string[] = [];
  guardIngest(server, (code) => void refused.push(code));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let answers = '';
  socket.on('data', (data: Buffer) => {
    answers += data.toString();
  });
  // The server reads the four requests of a burst in one turn of its event loop.
  const request = 'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
  for (let burst = 1; burst <= 3; burst += 1) {
    socket.write(request.repeat(4));
    await expect.poll(() => answers.match(/HTTP\/1\.1 /g)).toHaveLength(4 * burst);
    await pause(600);
  }
  expect(refused).toEqual([]);
  socket.destroy();
  server.close();
  await once(server, 'close');
});

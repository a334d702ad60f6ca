// Polling (`whenDown`): the load calls its loader at intervals while the gateway is unavailable.
import { expect, test } from 'vitest';
import { setUpLive, setUpLoad, textOf } from '../support/manual-loader.js';

const whenDown = { pollMs: 4_000 };

test('a room without its gateway for 10 s polls its loader at random intervals and shows the status polling', async () => {
  const { clock, loader, load, loseGateway, answer, shown } = await setUpLive(['1'], { whenDown });
  await loseGateway();
  await clock.advance(9_999);
  expect(textOf(load.snapshot)).toBe('disconnected 1');
  await clock.advance(1);
  expect(textOf(load.snapshot)).toBe('polling 1');
  // The first call comes at a random moment of the first interval, because all clients lost the gateway together.
  await clock.advance(1_999);
  expect(loader.calls).toHaveLength(1);
  await clock.advance(1);
  expect(loader.calls).toHaveLength(2);
  expect(loader.call.context.position).toBeUndefined();
  await clock.advance(20_000);
  expect(loader.calls).toHaveLength(2);
  await answer(['1', '2']);
  await clock.advance(4_000);
  await answer(['1', '2', '3']);
  expect(loader.calls).toHaveLength(3);
  expect(shown.slice(1)).toEqual(['disconnected 1', 'polling 1', 'polling 1 2', 'polling 1 2 3']);
});

test('the interval is random: 0.5 to 1.5 times pollMs', async () => {
  let random = 0.5;
  const { clock, loader, loseGateway, answer } = await setUpLive(
    ['1'],
    { whenDown },
    { random: () => random },
  );
  await loseGateway();
  await clock.advance(12_000);
  for (const [index, delayMs] of [2_000, 5_996].entries()) {
    random = index === 0 ? 0 : 0.999;
    await answer(['1']);
    random = 0.5;
    expect(loader.calls).toHaveLength(index + 2);
    await clock.advance(delayMs - 1);
    expect(loader.calls).toHaveLength(index + 2);
    await clock.advance(1);
    expect(loader.calls).toHaveLength(index + 3);
  }
});

test('a room that returns from polling is loaded and neither misses nor repeats an event', async () => {
  const { gateway, clock, load, loader, loseGateway, comeBack, answer, handed } = await setUpLive(['1'], {
    whenDown,
  });
  await loseGateway();
  await clock.advance(12_000);
  await answer(['1', '2', '3']);
  gateway.isAnswering = false;
  await comeBack();
  gateway.connection.completeJoin('user:me', 4);
  // The gateway replays everything since the loss. The polled state contains the first two events of it.
  for (const position of [2, 3, 4]) gateway.connection.event('a', position);
  gateway.connection.completeJoin('a', 4);
  expect(textOf(load.snapshot)).toBe('loading 1 2 3');
  await clock.advance(1_000);
  expect(loader.calls).toHaveLength(3);
  gateway.connection.event('a', 5);
  await answer(['1', '2', '3', '4']);
  expect(textOf(load.snapshot)).toBe('live 1 2 3 4 5');
  expect(handed).toEqual(['state 1', 'state 1 2 3', 'state 1 2 3 4', 'event 5']);
});

test('a call that runs when the gateway returns is not repeated beside itself, and the room is loaded after it', async () => {
  const { clock, load, loader, loseGateway, comeBack, answer } = await setUpLive(['1'], { whenDown });
  await loseGateway();
  await clock.advance(12_000);
  await comeBack();
  await clock.advance(10_000);
  expect(loader.calls).toHaveLength(2);
  await answer(['1', '2']);
  expect(textOf(load.snapshot)).toBe('loading 1 2');
  await clock.advance(1_000);
  expect(loader.calls).toHaveLength(3);
  await answer(['1', '2', '3']);
  expect(textOf(load.snapshot)).toBe('live 1 2 3');
});

test('a room that was never joined polls at once after afterMs, so that the page shows a state', async () => {
  const { client, gateway, clock, loader, load, answer, comeBack } = setUpLoad({
    whenDown: { pollMs: 4_000, afterMs: 3_000 },
  });
  gateway.isRefusing = true;
  void client.connect();
  await clock.advance(2_999);
  expect([loader.calls.length, textOf(load.snapshot)]).toEqual([0, 'loading –']);
  await clock.advance(1);
  expect([loader.calls.length, textOf(load.snapshot)]).toEqual([1, 'polling –']);
  await answer(['1']);
  expect(textOf(load.snapshot)).toBe('polling 1');
  await comeBack();
  await clock.advance(1_000);
  await answer(['1', '2']);
  expect(textOf(load.snapshot)).toBe('live 1 2');
});

test('failed polls are repeated with back-off and reported once', async () => {
  const { clock, loader, load, loseGateway, answer, errors } = await setUpLive(['1'], { whenDown });
  await loseGateway();
  await clock.advance(12_000);
  loader.call.reject(new Error('no database'));
  await clock.advance(4_499);
  expect(loader.calls).toHaveLength(2);
  expect(load.snapshot).toMatchObject({ status: 'polling', error: { code: 'load_failed' } });
  await clock.advance(1);
  expect(loader.calls).toHaveLength(3);
  loader.call.reject(new Error('no database'));
  await clock.advance(4_500);
  await answer(['1', '2']);
  expect(load.snapshot).toEqual({ status: 'polling', state: ['1', '2'], error: undefined });
  expect(errors.filter(({ code }) => code === 'load_failed')).toHaveLength(1);
});

test('a load that still runs when polling begins becomes the first poll', async () => {
  const { client, clock, loader, load, loseGateway, settle, answer } = setUpLoad({ whenDown });
  await client.connect();
  await settle();
  await loseGateway();
  await clock.advance(10_000);
  expect([loader.calls.length, textOf(load.snapshot)]).toEqual([1, 'polling –']);
  await answer(['1']);
  expect(textOf(load.snapshot)).toBe('polling 1');
});

test('a closed client does not poll until a later connect fails', async () => {
  const { client, clock, loader, load, loseGateway } = await setUpLive(['1'], { whenDown });
  await loseGateway();
  await clock.advance(11_000);
  await client.close();
  expect(clock.timerCount).toBe(0);
  expect(textOf(load.snapshot)).toBe('disconnected 1');
  void client.connect();
  await clock.advance(12_000);
  expect([loader.calls.length, textOf(load.snapshot)]).toEqual([2, 'polling 1']);
  await client.close();
  expect(loader.call.context.signal.aborted).toBe(true);
});

test('a call of reload() starts a poll at once', async () => {
  const { clock, loader, load, loseGateway, answer } = await setUpLive(['1'], { whenDown });
  await loseGateway();
  await clock.advance(10_000);
  load.reload();
  expect(loader.calls).toHaveLength(2);
  await answer(['2']);
  expect(textOf(load.snapshot)).toBe('polling 2');
});

test('a room without whenDown never polls', async () => {
  const { clock, loader, load, loseGateway } = await setUpLive();
  await loseGateway();
  await clock.advance(600_000);
  expect([loader.calls.length, textOf(load.snapshot)]).toEqual([1, 'disconnected 1']);
});

// Loads whose events or connection are lost, or that hold too many events. Tests when the room is loaded again, and what is
// shown until then.
import { describe, expect, test } from 'vitest';
import { joinAnswer } from '../support/fake-gateway.js';
import { setUpLive, setUpLoad, textOf } from '../support/manual-loader.js';

const resync = { room_id: 'a', reason: 'gap' };

describe('lost events', () => {
  test('a resync loads the room again after a random delay and shows the old state until then', async () => {
    const { gateway, clock, loader, load, answer, shown } = await setUpLive();
    gateway.connection.send('resync', resync);
    gateway.connection.send('resync', resync);
    expect(textOf(load.snapshot)).toBe('loading 1');
    gateway.connection.event('a', 3);
    await clock.advance(999);
    expect(loader.calls).toHaveLength(1);
    await clock.advance(1);
    expect(loader.calls).toHaveLength(2);
    expect(loader.call.context.position).toBe('p3');
    gateway.connection.event('a', 4);
    expect(textOf(load.snapshot)).toBe('loading 1');
    await answer(['1', '2', '3']);
    expect(shown).toEqual(['live 1', 'loading 1', 'live 1 2 3 4']);
  });

  test('a resync during a load starts another load after it and never beside it', async () => {
    const { client, gateway, clock, loader, load, settle, answer, handed } = setUpLoad();
    await client.connect();
    await settle();
    gateway.connection.event('a', 2);
    gateway.connection.send('resync', resync);
    gateway.connection.event('a', 4);
    await clock.advance(10_000);
    expect(loader.calls).toHaveLength(1);
    await answer(['1']);
    // The state is complete, but later events were lost. Therefore the load is not live.
    expect([textOf(load.snapshot), handed]).toEqual(['loading 1', ['state 1']]);
    await clock.advance(1_000);
    expect(loader.calls).toHaveLength(2);
    await answer(['1', '2', '3', '4']);
    expect(textOf(load.snapshot)).toBe('live 1 2 3 4');
    expect(handed).toEqual(['state 1', 'state 1 2 3 4']);
  });

  test("events beyond the hold's maximum drop the hold, and the room is loaded again after the running load", async () => {
    const { client, gateway, clock, loader, settle, answer, load, handed } = setUpLoad(
      {},
      { maxHeldEvents: 2 },
    );
    await client.connect();
    await settle();
    for (const position of [1, 2, 3, 4]) gateway.connection.event('a', position);
    await answer([]);
    expect([textOf(load.snapshot), handed]).toEqual(['loading', ['state']]);
    await clock.advance(1_000);
    gateway.connection.event('a', 5);
    gateway.connection.event('a', 6);
    await answer(['1', '2', '3', '4']);
    expect(textOf(load.snapshot)).toBe('live 1 2 3 4 5 6');
    expect(loader.calls).toHaveLength(2);
  });

  test('a call of reload() starts a load at once and holds events meanwhile', async () => {
    const { gateway, loader, load, answer, shown } = await setUpLive();
    load.reload();
    expect(loader.calls).toHaveLength(2);
    gateway.connection.event('a', 3);
    await answer(['1', '2']);
    expect(shown).toEqual(['live 1', 'loading 1', 'live 1 2 3']);
  });

  test('a call of reload() during a load starts another load after it', async () => {
    const { client, clock, loader, load, settle, answer } = setUpLoad();
    await client.connect();
    await settle();
    load.reload();
    await answer(['1']);
    await clock.advance(1_000);
    expect(loader.calls).toHaveLength(2);
    await answer(['2']);
    expect(textOf(load.snapshot)).toBe('live 2');
  });
});

describe('a lost connection', () => {
  test('a live room is disconnected, then gets all missed events in one change', async () => {
    const { gateway, clock, loader, load, shown } = await setUpLive();
    await clock.advance(5_000);
    gateway.isAnswering = false;
    gateway.connection.close();
    expect(textOf(load.snapshot)).toBe('disconnected 1');
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 4);
    gateway.connection.event('a', 2);
    gateway.connection.event('a', 3);
    expect(textOf(load.snapshot)).toBe('disconnected 1');
    gateway.connection.completeJoin('a', 4);
    expect(shown).toEqual(['live 1', 'disconnected 1', 'live 1 2 3']);
    expect(loader.calls).toHaveLength(1);
  });

  test('a room with unrecoverable missed events is loaded again and shows none of them', async () => {
    const { gateway, clock, load, shown, answer } = await setUpLive();
    await clock.advance(5_000);
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 4);
    gateway.connection.event('a', 3);
    gateway.connection.completeJoin('a', 4, { recovered: false });
    await clock.advance(1_000);
    gateway.connection.event('a', 5);
    await answer(['1', '2', '3', '4']);
    expect(shown).toEqual(['live 1', 'disconnected 1', 'loading 1', 'live 1 2 3 4 5']);
    expect(load.snapshot.status).toBe('live');
  });

  test('a running load continues over a lost and resumed connection', async () => {
    const { client, gateway, clock, loader, load, settle, answer } = setUpLoad();
    await client.connect();
    await settle();
    gateway.connection.event('a', 2);
    await clock.advance(5_000);
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 4);
    gateway.connection.event('a', 3);
    gateway.connection.completeJoin('a', 3);
    gateway.connection.event('a', 4);
    await answer(['1']);
    expect(textOf(load.snapshot)).toBe('live 1 2 3 4');
    expect(loader.calls).toHaveLength(1);
  });

  test('a load that ends without a connection shows its state and continues it after the rejoin', async () => {
    const { client, gateway, clock, load, settle, answer } = setUpLoad();
    await client.connect();
    await settle();
    gateway.connection.event('a', 2);
    await clock.advance(5_000);
    gateway.isAnswering = false;
    gateway.connection.close();
    await answer(['1']);
    expect(textOf(load.snapshot)).toBe('disconnected 1 2');
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 4);
    gateway.connection.event('a', 3);
    gateway.connection.completeJoin('a', 3);
    expect(textOf(load.snapshot)).toBe('live 1 2 3');
  });

  test('a load that runs while a reconnect loses events is followed by another one', async () => {
    const { client, gateway, clock, loader, load, settle, answer, reconnect } = setUpLoad();
    await client.connect();
    await settle();
    gateway.answerTo = (_method, [roomId]) => ({ ...joinAnswer(String(roomId), 5), recovered: false });
    await reconnect();
    await answer(['1']);
    expect(textOf(load.snapshot)).toBe('loading 1');
    await clock.advance(1_000);
    expect(loader.calls).toHaveLength(2);
    await answer(['1', '2']);
    expect(textOf(load.snapshot)).toBe('live 1 2');
  });

  test('a connection that is lost before the next load delays the load until the rejoin', async () => {
    const { gateway, clock, loader, load, answer, reconnect } = await setUpLive();
    gateway.connection.send('resync', resync);
    gateway.connection.close();
    expect(textOf(load.snapshot)).toBe('disconnected 1');
    await clock.advance(500);
    await clock.advance(500);
    expect(loader.calls).toHaveLength(1);
    await clock.advance(500);
    expect(loader.calls).toHaveLength(2);
    await answer(['2']);
    await reconnect();
    expect(textOf(load.snapshot)).toBe('live 2');
  });

  test('more missed events than the client can hold cause another load', async () => {
    const { gateway, clock, load, answer } = await setUpLive(['1'], {}, { maxHeldEvents: 2 });
    await clock.advance(5_000);
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 4);
    for (const position of [2, 3, 4]) gateway.connection.event('a', position);
    gateway.connection.completeJoin('a', 4);
    expect(textOf(load.snapshot)).toBe('loading 1');
    await clock.advance(1_000);
    await answer(['1', '2', '3', '4']);
    expect(textOf(load.snapshot)).toBe('live 1 2 3 4');
  });
});

/*
 * The guarantees for sends to clients of several instances, with every backplane.
 */
import { describe, expect, test, vi } from 'vitest';
import { JsonText } from '../../src/index.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';
import {
  BACKPLANES,
  notesOf,
  openMember,
  type RowMember,
  type RowServer,
  settle,
  startRow,
} from '../support/backplane-row.js';

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe.each(BACKPLANES)('with a backplane %s', (_name, source) => {
  test('a send to any kind of address reaches exactly the addressed connections of all instances, each once', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    await using ann = await openMember(first, 'ann', 'json');
    await using ann2 = await openMember(second, 'ann', 'messagepack');
    await using bob = await openMember(second, 'bob', 'json');
    await using eve = await openMember(third, 'Eve', 'messagepack');
    await using cat = await openMember(third, 'cat', 'json');
    const all = [ann, ann2, bob, eve, cat];
    const here = new Map([
      [first, [ann]],
      [second, [ann2, bob]],
      [third, [eve, cat]],
    ]);
    for (const client of [ann, ann2, bob]) await client.invoke('join', 'g');
    for (const client of [ann, eve]) await client.invoke('join', 'h');
    const cases: readonly [(server: RowServer, text: string) => number, readonly RowMember[]][] = [
      [({ hub }, text) => hub.clients.all.send('note', text), all],
      [
        ({ hub }, text) => hub.clients.allExcept([bob.id, 'nobody']).send('note', text),
        [ann, ann2, eve, cat],
      ],
      [({ hub }, text) => hub.clients.client(bob.id).send('note', text), [bob]],
      [({ hub }, text) => hub.clients.client('nobody').send('note', text), []],
      [({ hub }, text) => hub.clients.clients([bob.id, eve.id, bob.id]).send('note', text), [bob, eve]],
      [({ hub }, text) => hub.clients.group('g').send('note', text), [ann, ann2, bob]],
      [({ hub }, text) => hub.clients.group('G').send('note', text), []],
      [({ hub }, text) => hub.clients.groups(['g', 'h']).send('note', text), [ann, ann2, bob, eve]],
      [({ hub }, text) => hub.clients.groupExcept('g', [ann.id]).send('note', text), [ann2, bob]],
      [({ hub }, text) => hub.clients.groupExceptUser('g', 'ann').send('note', text), [bob]],
      [({ hub }, text) => hub.clients.user('ann').send('note', text), [ann, ann2]],
      [({ hub }, text) => hub.clients.user('eve').send('note', text), []],
      [({ hub }, text) => hub.clients.users(['bob', 'Eve', 'bob']).send('note', text), [bob, eve]],
    ];
    const expected = new Map<RowMember, string[]>(all.map((client) => [client, []]));
    const expectNote = (receivers: readonly RowMember[], text: string): void => {
      for (const client of receivers) expected.get(client)?.push(text);
    };
    for (const [origin, server] of row.servers.entries()) {
      for (const [index, [send, receivers]] of cases.entries()) {
        const text = `case ${index} from ${origin}`;
        const local = receivers.filter((client) => here.get(server)?.includes(client));
        expect(send(server, text), text).toBe(local.length);
        expectNote(receivers, text);
      }
      await settle(row, all);
    }
    for (const [client, args, receivers] of [
      [bob, ['others', 'others'], [ann, ann2, eve, cat]],
      [eve, ['othersInGroup', 'h', 'in group'], [ann]],
      [eve, ['caller', 'caller'], [eve]],
    ] as const) {
      const [target, ...rest] = args;
      await client.invoke(target, ...rest);
      expectNote(receivers, rest.at(-1) ?? '');
      await settle(row, all);
    }
    for (const [client, texts] of expected) expect(notesOf(client)).toEqual(texts);
  });

  test('all messages of one instance arrive at the clients of every instance, in order', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    await using one = await openMember(first, 'u0');
    await using two = await openMember(second, 'u1', 'messagepack');
    await using three = await openMember(third, 'u2');
    for (let n = 0; n < 1_000; n += 1) {
      // Messages to different addresses keep their order, too.
      for (const [origin, { hub }] of [first, second].entries()) {
        if (n % 2 === 0) hub.clients.all.send('note', `${origin} ${n}`);
        else hub.clients.users(['u0', 'u1', 'u2']).send('note', `${origin} ${n}`);
      }
      if (n % 100 === 0) await turn();
    }
    for (const client of [one, two, three]) {
      await expect.poll(() => client.notes.length).toBe(2_000);
      for (const origin of [0, 1]) {
        const texts = client.notes.filter((note) => String(note).startsWith(`${origin} `));
        expect(texts).toEqual(Array.from({ length: 1_000 }, (_, n) => `${origin} ${n}`));
      }
    }
  });

  test('a client receives the same bytes for a send, on any instance', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    const values = [
      'é😀\u0000"\\',
      new JsonText('{"n": 1.0,  "extra":"é"}'),
      { bytes: Uint8Array.of(0, 255), at: new Date(1_700_000_000_123), nested: [[null, -1.5e300]] },
      'x'.repeat(300_000),
      undefined,
    ];
    for (const protocol of ['json', 'messagepack'] as const) {
      await using local = await openMember(first, 'local', protocol);
      await using remote = await openMember(second, 'remote', protocol);
      const [localStart, remoteStart] = [local.frames.length, remote.frames.length];
      for (const value of values) first.hub.clients.all.send('note', value);
      for (const client of [local, remote]) await expect.poll(() => client.notes.length).toBe(values.length);
      expect(remote.frames.slice(remoteStart)).toEqual(local.frames.slice(localStart));
    }
  });

  test('a newer message replaces a waiting message with the same key for a slow client of another instance', async () => {
    await using row = await startRow(source, { maximumOutboundBytes: 200_000 });
    const [first, second] = row.servers;
    await using slow = await openMember(second);
    const replaced = (): number =>
      second.host.events.filter(({ type }) => type === 'message_replaced').length;
    slow.socket.pause();
    // The kernel buffers some megabytes before messages wait in the server.
    for (let index = 0; index < 2_000 && replaced() < 20; index += 1) {
      first.hub.clients
        .user('ann')
        .latest(`price ${index % 2}`)
        .send('note', 'x'.repeat(50_000));
      await turn();
    }
    expect(replaced()).toBeGreaterThanOrEqual(20);
    first.hub.clients.client(slow.id).latest('price 0').send('note', 'the newest');
    await settle(row, []);
    slow.socket.resume();
    await expect.poll(() => slow.notes).toContain('the newest');
    expect(second.hub.connections.count).toBe(1);
  });

  test('a client that has just joined a group receives the next send to the group, from any instance', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    await using client = await openMember(second, 'ann', 'messagepack');
    for (let round = 0; round < 50; round += 1) {
      await client.invoke('join', `group ${round}`);
      first.hub.clients.group(`group ${round}`).send('note', `${round} from the first`);
      third.hub.clients.group(`group ${round}`).send('note', `${round} from the third`);
    }
    await settle(row, [client]);
    expect(notesOf(client)).toHaveLength(100);
  });

  test('a message that one protocol cannot encode is sent to no client', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using here = await openMember(first, 'ann');
    await using there = await openMember(second, 'bob');
    // The message is also encoded for MessagePack, although no client here uses it. That encoding fails for both values: the
    // integer is too large, and MessagePack must parse the JSON text, which is invalid.
    for (const value of [2n ** 64n, new JsonText('{"n":', { isTrusted: true })]) {
      expect(() => first.hub.clients.all.send('note', value)).toThrow(
        expect.objectContaining({ code: 'unserializable' }),
      );
    }
    await settle(row, [here, there]);
    expect([...notesOf(here), ...notesOf(there)]).toEqual([]);
    expect(first.host.events.filter(({ type }) => type.startsWith('backplane'))).toEqual([
      { type: 'backplane_up', hub: '/hub' },
    ]);
  });

  test('a send to connections of the same instance is not published on the backplane', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using ann = await openMember(first, 'ann');
    await using bob = await openMember(first, 'bob', 'messagepack');
    await using far = await openMember(second, 'far');
    await ann.invoke('caller', 'to itself');
    const write = vi.spyOn(messagePackHubProtocol, 'write');
    expect(first.hub.clients.client(ann.id).send('note', 'encoded once')).toBe(1);
    expect(write).not.toHaveBeenCalled();
    write.mockRestore();
    expect(first.hub.clients.clients([ann.id, bob.id]).send('note', 'to both')).toBe(2);
    expect(first.backplane.broadcasts).toHaveLength(0);
    expect(first.hub.clients.clients([ann.id, far.id]).send('note', 'to one here')).toBe(1);
    expect(first.backplane.broadcasts).toHaveLength(1);
    await expect.poll(() => far.notes).toEqual(['to one here']);
    expect(ann.notes).toEqual(['to itself', 'encoded once', 'to both', 'to one here']);
  });

  test('a draining server and the onDisconnected hooks of its clients still reach the clients of other instances', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    await using leaving = await openMember(first, 'ann');
    await using staying = await openMember(second, 'bob');
    await staying.invoke('join', 'watchers');
    let beginWaves: () => void = () => {};
    const after = new Promise<void>((resolve) => {
      beginWaves = resolve;
    });
    const drained = first.host.server.drain({ withinMs: 0, after });
    third.hub.clients.all.send('note', 'during the drain');
    await expect.poll(() => leaving.notes).toEqual(['during the drain']);
    first.hub.clients.user('bob').send('note', 'from the one that drains');
    beginWaves();
    await drained;
    first.hub.clients.user('bob').send('note', 'after the drain');
    await first.host.server.close();
    expect(first.hub.backplaneState).toBe('down');
    await expect
      .poll(() => staying.notes)
      .toEqual(['during the drain', 'from the one that drains', 'ann left', 'after the drain']);
  });
});

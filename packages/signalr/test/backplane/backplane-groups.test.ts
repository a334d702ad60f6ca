/* An instance can change the groups of another instance's connections, and abort these connections, over every backplane. */
import { describe, expect, test } from 'vitest';
import { BACKPLANES, failureOf, notesOf, openMember, settle, startRow } from '../support/backplane-row.js';

describe.each(BACKPLANES)('with a backplane %s', (_name, source) => {
  test('an instance can add a connection of another instance to a group, and remove it from the group', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    await using client = await openMember(second, 'ann', 'messagepack');
    const { groups, clients } = first.hub;
    expect(await groups.add(client.id, 'g')).toBe(true);
    expect(await groups.add(client.id, 'g')).toBe(true);
    expect(second.hub.connections.groupsOf(client.id)).toEqual(['g']);
    // Lists and counts contain only the connections of this process.
    expect(groups.count('g')).toBe(0);
    clients.group('g').send('note', 'member');
    expect(await third.hub.groups.remove(client.id, 'g')).toBe(true);
    expect(await third.hub.groups.remove(client.id, 'g')).toBe(false);
    clients.group('g').send('note', 'no member any more');
    await settle(row, [client]);
    expect(notesOf(client)).toEqual(['member']);
  });

  test('a send to a group reaches a connection that was just added, even if nobody awaited the addition', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const added: Promise<boolean>[] = [];
    for (let round = 0; round < 50; round += 1) {
      added.push(first.hub.groups.add(client.id, `group ${round}`));
      first.hub.clients.group(`group ${round}`).send('note', round);
    }
    expect(new Set(await Promise.all(added))).toEqual(new Set([true]));
    await settle(row, [client]);
    expect(notesOf(client)).toEqual(Array.from({ length: 50 }, (_, round) => round));
  });

  test('a group change takes effect before its call returns if the connection belongs to the same instance', async () => {
    await using row = await startRow(source);
    const [first] = row.servers;
    await using client = await openMember(first);
    const added = first.hub.groups.add(client.id, 'g');
    expect(first.hub.clients.group('g').send('note', 'x')).toBe(1);
    const removed = first.hub.groups.remove(client.id, 'g');
    expect(first.hub.clients.group('g').send('note', 'x')).toBe(0);
    expect(await Promise.all([added, removed])).toEqual([true, true]);
  });

  test('an instance can abort a connection of another instance', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    expect(await first.hub.connections.abort(client.id)).toBe(true);
    expect(await second.host.event('connection_closed')).toMatchObject({
      connectionId: client.id,
      reason: 'aborted',
    });
  });

  test('group changes and aborts return false for a connection that no instance has', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const { groups, connections } = first.hub;
    expect(
      await Promise.all([groups.add('x', 'g'), groups.remove('x', 'g'), connections.abort('x')]),
    ).toEqual([false, false, false]);
    await client[Symbol.asyncDispose]();
    await second.host.event('connection_closed');
    expect(await groups.add(client.id, 'g')).toBe(false);
  });

  test('a group change does not wait for an instance that has closed or died', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    // After this answer, the instance knows all other instances.
    expect(await first.hub.groups.add('x', 'g')).toBe(false);
    await second.host.server.close();
    expect(await first.hub.groups.add('x', 'g')).toBe(false);
    third.backplane.die();
    expect(await first.hub.groups.add('x', 'g')).toBe(false);
  });

  test('group changes of a closed server are rejected, both pending and new ones', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    second.backplane.die();
    const asked = first.hub.groups.add('x', 'g');
    const failure = failureOf(asked);
    await first.host.server.close();
    expect(await failure).toMatchObject({ code: 'server_closed' });
    await expect(first.hub.groups.add('x', 'g')).rejects.toMatchObject({ code: 'server_closed' });
  });
});

// The rooms in which a connection is from the start.
import { describe, expect, it } from 'vitest';
import { StandingRooms } from '../../src/rooms/standing-rooms.js';
import { Tenants, tenantByPattern } from '../../src/tenants/tenants.js';

const tenants = new Tenants({
  tenantOf: tenantByPattern('^(?:t:|user:)([^:]+):'),
  onFault: (reason) => {
    throw new Error(reason);
  },
});

describe('the standing rooms of a user', () => {
  it('a user without a tenant is in the personal room and in the room of everybody', () => {
    for (const rooms of [new StandingRooms(undefined), new StandingRooms(tenants)]) {
      expect(rooms.of('ana')).toEqual(['user:ana', '*']);
      expect([rooms.has('ana', 'user:ana'), rooms.has('ana', '*'), rooms.has('ana', '*:acme')]).toEqual([
        true,
        true,
        false,
      ]);
    }
  });

  it('a user of a tenant is also in the room of everybody of this tenant, and of no other', () => {
    const rooms = new StandingRooms(tenants);
    expect(rooms.of('acme:ana')).toEqual(['user:acme:ana', '*', '*:acme']);
    expect(rooms.isBroadcast('acme:ana', '*:acme')).toBe(true);
    for (const other of ['*:globex', '*:', '*:acme:', 'user:acme:ana', 't:acme:1'])
      expect([other, rooms.isBroadcast('acme:ana', other)]).toEqual([other, false]);
  });

  it('a tenant whose name is too long for a room ID has no room of everybody', () => {
    const long = 'a'.repeat(255);
    const rooms = new StandingRooms(new Tenants({ tenantOf: () => long, onFault: () => {} }));
    expect(rooms.of('ana')).toEqual(['user:ana', '*']);
  });
});

describe('the tenant of a broadcast', () => {
  it('the application is not asked for the tenant of `*` and of `*:<tenant>`', () => {
    const asked: string[] = [];
    const own = new Tenants({
      tenantOf: (roomId) => {
        asked.push(roomId);
        return 'of the application';
      },
      onFault: () => {},
    });
    expect([own.of('*'), own.of('*:acme'), own.of('room')]).toEqual(['', 'acme', 'of the application']);
    expect(asked).toEqual(['room']);
  });
});

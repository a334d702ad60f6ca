// The guard: what is open whatever the rule says, and what may change while the rule is asked.
import { describe, expect, it } from 'vitest';
import type { AccessDecision, AccessRule } from '../../src/access/access-rule.js';
import { claimRule, openRule } from '../../src/access/access-rule.js';
import { RoomGuard } from '../../src/access/room-guard.js';
import type { User } from '../../src/auth/token-verifier.js';
import type { MemberStatus } from '../../src/membership/revocations.js';

const ana: User = { userId: 'ana', name: 'Ana', rooms: ['ticket-*'] };

function setUp(rule: Partial<AccessRule>, recheck: 'member' | 'removed' | 'unknown' = 'removed') {
  const joined = new Set(['room']);
  const state: { status: MemberStatus } = { status: 'member' };
  const guard = new RoomGuard({
    rule: { refusal: 'You may not enter this room.', isAskedAgain: true, decide: () => 'refused', ...rule },
    revocations: { statusOf: () => state.status },
    revocationSync: { recheck: async () => recheck },
  });
  return { guard, joined, state, connection: { user: ana, items: joined } };
}

/** A rule whose answer the test gives later. */
function heldRule() {
  let answer: (decision: AccessDecision) => void = () => {};
  const decision = new Promise<AccessDecision>((resolve) => {
    answer = resolve;
  });
  return { rule: { decide: () => decision }, answer };
}

describe('entering a room', () => {
  it.each(['user:me', 'user:ana'])('%s is open to its user, whatever the rule says', async (room) => {
    expect(await setUp({}).guard.enter(room, { user: ana })).toBe('user:ana');
  });

  it.each<[AccessDecision, RegExp]>([
    ['refused', /^You may not enter this room\.$/],
    ['away', /cannot be determined now\. Try again later\.$/],
  ])('a room is closed when the rule says %s', async (decision, message) => {
    await expect(setUp({ decide: () => decision }).guard.enter('room', { user: ana })).rejects.toThrow(
      message,
    );
  });

  it.each([
    ['removed', /^You were removed from this room/],
    ['unknown', /Try again later\.$/],
  ] as const)('a room is closed when the store says that the user is %s', async (recheck, message) => {
    const { guard, state } = setUp({ decide: () => 'allowed' }, recheck);
    state.status = 'removed';
    await expect(guard.enter('room', { user: ana })).rejects.toThrow(message);
  });

  it('a removal while the rule is asked closes the room', async () => {
    const { rule, answer } = heldRule();
    const { guard, state } = setUp(rule);
    const entering = guard.enter('room', { user: ana });
    state.status = 'removed';
    answer('allowed');
    await expect(entering).rejects.toThrow(/^You were removed/);
  });
});

describe('a token that is replaced while the rule is asked', () => {
  it.each([
    ['is open if the new token allows it', 'allowed', 'room'],
    ['is closed if the new token does not allow it', 'refused', /^You may not enter this room\.$/],
    ['is open while nobody knows whether the new token allows it', 'away', 'room'],
  ] as const)('a join follows the new token: the room %s', async (_, ofNewToken, outcome) => {
    const { rule, answer } = heldRule();
    const decide: AccessRule['decide'] = (user) => (user === ana ? rule.decide() : ofNewToken);
    const { guard } = setUp({ decide });
    const connection = { user: ana };
    const entering = guard.enter('room', connection).catch((error: Error) => error.message);
    connection.user = { ...ana, rooms: [] };
    answer('allowed');
    expect(await entering).toEqual(outcome === 'room' ? outcome : expect.stringMatching(outcome));
  });
});

describe('calls in a joined room', () => {
  it('an answer that is known makes no promise, and a rule that does not change is not asked', () => {
    const { connection, guard } = setUp({ decide: () => 'allowed' });
    expect(guard.joined(connection, 'room')).toBe('room');
    expect(setUp({ isAskedAgain: false }).guard.joined(connection, 'room')).toBe('room');
  });

  it.each(['leaves', 'is removed'])('a user who %s while the rule is asked is refused', async (what) => {
    const { rule, answer } = heldRule();
    const { guard, connection, joined, state } = setUp(rule);
    const opened = guard.joined(connection, 'room');
    if (what === 'leaves') joined.clear();
    else state.status = 'removed';
    answer('allowed');
    await expect(opened).rejects.toThrow(what === 'leaves' ? 'Join the room first.' : /^You were removed/);
  });

  it('the own room counts as joined only where the call says so', () => {
    const { guard, connection } = setUp({});
    expect(() => guard.joined(connection, 'user:me')).toThrow('Join the room first.');
    expect(guard.joined(connection, 'user:me', { isPersonalJoined: true })).toBe('user:ana');
  });
});

describe('a token that was replaced', () => {
  it('a user with a known yes stays without a question, and an unknown one stays until the answer', () => {
    const { guard } = setUp({ mayStay: (_, room) => room === 'known', decide: () => 'refused' });
    expect(guard.mayStay(ana, 'known')).toBe(true);
    expect(guard.mayStay(ana, 'unknown')).toBe(false);
    expect(guard.mayStay(ana, 'user:ana')).toBe(true);
    expect(setUp({}).guard.mayStay(ana, 'room')).toBe(false);
    expect(setUp(heldRule().rule).guard.mayStay(ana, 'asked')).toBe(true);
  });
});

describe('the rules that are not asked', () => {
  it('the rule of development mode opens every room', () => {
    expect(openRule.decide({ ...ana, rooms: [] }, 'user:bob')).toBe('allowed');
  });

  it('the claim refuses other rooms, and reports a user without any room', () => {
    let reports = 0;
    const rule = claimRule(() => {
      reports += 1;
    });
    expect([rule.decide(ana, 'ticket-1'), rule.decide(ana, 'other')]).toEqual(['allowed', 'refused']);
    expect(reports).toBe(0);
    expect(rule.decide({ ...ana, rooms: [] }, 'other')).toBe('refused');
    expect(reports).toBe(1);
  });
});

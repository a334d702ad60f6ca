// A rule that asks, with a source that the test answers and a clock that the test moves.
import { fakeClock } from '@millrace/testkit';
import { AccessFailure } from '../../src/access/access-failure.js';
import { AskedRule, type AskedRuleOptions } from '../../src/access/asked-rule.js';
import type { User } from '../../src/auth/token-verifier.js';

interface Asked {
  readonly who: string;
  readonly signal: AbortSignal;
  answer(value: unknown): void;
  fail(error: Error): void;
}

export function userOf(userId: string, name = userId, rooms: readonly string[] = []): User {
  return { userId, name, rooms };
}

export const ana = userOf('ana');

export const describeUser = ({ userId, name }: User): object => ({ userId, name });

/** Creates a rule. `asked` has its questions, and `log` has its reports. */
export function setUp(over: Partial<AskedRuleOptions> = {}) {
  const clock = fakeClock();
  const asked: Asked[] = [];
  const log: string[] = [];
  const rule = new AskedRule({
    source: {
      describe: describeUser,
      ask: (user, roomId, { signal }) =>
        new Promise((answer, fail) => {
          asked.push({ who: `${user.name} ${roomId}`, signal, answer, fail });
        }),
    },
    clock,
    timeoutMs: 3_000,
    cacheMs: 60_000,
    refusalCacheMs: 2_000,
    maxStaleMs: 600_000,
    maxAnswers: 1_000,
    maxQuestions: 50,
    observer: {
      onAsked: (outcome) => log.push(outcome),
      onUnasked: (outcome) => log.push(outcome),
      onFailure: ({ message }, roomId) => log.push(`failure in ${roomId}: ${message}`),
      onStateChange: (isAway) => log.push(isAway ? 'gone' : 'back'),
      onRefused: (user, roomId) => log.push(`${user.name} leaves ${roomId}`),
    },
    ...over,
  });
  /** Decides, and answers the question if one is asked. */
  const decide = async (user: User, roomId: string, answer: unknown) => {
    const before = asked.length;
    const decision = rule.decide(user, roomId);
    const question = asked[before];
    if (answer instanceof Error) question?.fail(answer);
    else question?.answer(answer);
    return decision;
  };
  return { rule, clock, asked, log, decide };
}

/** Waits for all decisions. */
export function decisionsOf(decisions: readonly unknown[]): Promise<unknown[]> {
  return Promise.all(decisions.map(async (decision) => decision));
}

export const unreachable = new AccessFailure('it cannot be reached', { isUnreachable: true });

// The rule that asks: a function of the application, or the backend by HTTP. Keeps answers for a bounded time, asks each
// question once at a time, and bounds the number of questions. The rooms `user:…` of other users are opened by the claim `rooms` only.
import { type Clock, messageOf, userKey } from '@millrace/internal';
import { isOutsideRules, mayEnterRoom } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';
import { AccessAnswers } from './access-answers.js';
import { AccessFailure } from './access-failure.js';
import { AccessQuestion } from './access-question.js';
import type { AccessDecision, AccessRule } from './access-rule.js';
import { BackendState, PROBE_INTERVAL_MS } from './backend-state.js';
import { FairQueue } from './fair-queue.js';
import { UnansweredStays } from './unanswered-stays.js';
import { type AccessPair, UserIdentities } from './user-identity.js';

/** A function that answers questions. */
export interface AccessSource {
  /** Returns what is told about a user, as JSON values. An answer counts for all users with the same description. */
  describe(user: User): object;
  /**
   * Answers a question, at once or by a promise. The answer of a promise is kept. `signal` aborts when nobody waits for the answer
   * any more.
   */
  ask(user: User, roomId: string, question: { readonly signal: AbortSignal }): unknown;
}

/** Reports for metrics and the log. */
export interface AccessObserver {
  /** Called for every question that has ended. */
  onAsked(outcome: 'allowed' | 'refused' | 'failed'): void;
  /**
   * Called when a call or request was decided without an answer. `stale`: allowed by an old yes. Otherwise undecided, because the
   * backend cannot be asked or gave no answer (`away`), or because too many questions wait (`busy`).
   */
  onUnasked(outcome: 'away' | 'busy' | 'stale'): void;
  onFailure(error: AccessFailure, roomId: string): void;
  onStateChange(isAway: boolean): void;
  /** Called when a user is refused. The user's connections in the room must leave it. */
  onRefused(user: User, roomId: string): void;
}

/** Options of {@link AskedRule}. */
export interface AskedRuleOptions {
  readonly source: AccessSource;
  readonly observer: AccessObserver;
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Time after which a question counts as failed. A question that waits for its turn is given up after the same time. */
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly refusalCacheMs: number;
  readonly maxStaleMs: number;
  readonly maxAnswers: number;
  /** Maximum number of questions that are asked at a time. */
  readonly maxQuestions: number;
}

// Maximum number of waiting questions. A question takes about 500 bytes. One user may join 1,000 rooms at once.
const [maxWaiting, maxWaitingPerOwner] = [20_000, 2_000];

/** See the comment at the top of this file. */
export class AskedRule implements AccessRule {
  readonly refusal = 'You may not enter this room.';
  readonly isAskedAgain = true;
  readonly #options: AskedRuleOptions;
  readonly #identities: UserIdentities;
  readonly #answers: AccessAnswers;
  readonly #backend = new BackendState();
  readonly #queue: FairQueue<AccessQuestion>;
  /** The waiting and running questions by name. At most `maxWaiting` + `maxQuestions`. */
  readonly #open = new Map<string, AccessQuestion>();
  /** The running questions by user. */
  readonly #running = new Map<string, Set<AccessQuestion>>();
  readonly #stays: UnansweredStays;
  #isStopped = false;
  #isRunningNext = false;
  /** True once the source has answered with a promise. */
  #hasWaited = false;

  constructor(options: AskedRuleOptions) {
    this.#options = options;
    const { cacheMs, refusalCacheMs, maxStaleMs, maxAnswers, maxQuestions } = options;
    this.#identities = new UserIdentities((user) => options.source.describe(user));
    this.#answers = new AccessAnswers({
      cacheMs,
      refusalCacheMs,
      maxStaleMs,
      maxAnswers,
      pauseMs: PROBE_INTERVAL_MS,
      maxAnswersPerOwner: Math.max(1, Math.floor(maxAnswers / 10)),
    });
    this.#queue = new FairQueue({
      maxRunning: maxQuestions,
      // One user whose questions take long leaves most of the places to the others.
      maxRunningPerOwner: Math.ceil(maxQuestions / 5),
      maxWaiting,
      maxWaitingPerOwner,
    });
    this.#stays = new UnansweredStays({
      clock: options.clock,
      intervalMs: PROBE_INTERVAL_MS,
      maxStays: maxWaiting,
      isAway: () => this.isAway,
      decide: (user, pair) => this.#decideUncounted(user, pair),
    });
  }

  /** True while the backend cannot be asked. */
  get isAway(): boolean {
    return this.#backend.isAway;
  }

  decide(user: User, roomId: string): AccessDecision | Promise<AccessDecision> {
    if (isOutsideRules(roomId)) return mayEnterRoom(roomId, user) ? 'allowed' : 'refused';
    const pair = this.#identities.pairOf(user, roomId);
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#known(pair, nowMs);
    if (known !== undefined) return known;
    if (!this.#mayAsk(pair, nowMs)) return this.#unasked(pair, nowMs, 'away');
    return this.#ask(user, pair) ?? this.#unasked(pair, nowMs, 'busy');
  }

  /** Does nothing if the source answers synchronously, or if answers are not cached. */
  prepare(user: User, roomId: string): void {
    if (!this.#hasWaited || this.#options.cacheMs === 0 || isOutsideRules(roomId)) return;
    void this.#decideUncounted(user, this.#identities.pairOf(user, roomId));
  }

  /**
   * A cached yes of any age is enough. Without an answer, the source is asked again until it answers. A refusal then makes the user
   * leave the room.
   */
  mayStay(user: User, roomId: string): boolean {
    if (isOutsideRules(roomId)) return mayEnterRoom(roomId, user);
    const pair = this.#identities.pairOf(user, roomId);
    return this.#answers.wasAllowed(pair) || this.#stays.admit(user, pair);
  }

  /** True if an answer about one of the users counts for the other. */
  isSame(one: User, other: User): boolean {
    return this.#identities.of(one) === this.#identities.of(other);
  }

  /** Forgets what is known about a user and a room, or all rooms. Answers that are under way are not used. */
  forget(userId: string, roomId: string | undefined): void {
    const owner = userKey(userId);
    this.#answers.forget(owner, roomId);
    for (const question of this.#running.get(owner) ?? []) {
      if (roomId !== undefined && question.pair.roomId !== roomId) continue;
      question.isOutdated = true;
      if (this.#open.get(question.pair.key) === question) this.#open.delete(question.pair.key);
    }
  }

  /** Aborts all questions. Later ones are not asked. */
  stop(): void {
    this.#isStopped = true;
    this.#stays.stop();
    this.#giveUpWaiting();
    for (const questions of this.#running.values())
      for (const question of questions) {
        if (!question.end()) continue;
        this.#leave(question);
        question.abort();
        question.resolve('away');
      }
  }

  /** Decides while no call waits for the result. So a question that cannot be asked is not counted as an undecided call. */
  #decideUncounted(user: User, pair: AccessPair): AccessDecision | Promise<AccessDecision> {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#known(pair, nowMs);
    if (known !== undefined) return known;
    const asked = this.#mayAsk(pair, nowMs) ? this.#ask(user, pair) : undefined;
    return asked ?? 'away';
  }

  /** Returns the cached answer, or the promise of a question that is under way. */
  #known(pair: AccessPair, nowMs: number): AccessDecision | Promise<AccessDecision> | undefined {
    return this.#answers.find(pair, nowMs) ?? this.#open.get(pair.key)?.decision;
  }

  #mayAsk(pair: AccessPair, nowMs: number): boolean {
    return !this.#isStopped && !this.#answers.isPaused(pair, nowMs) && this.#backend.mayAsk(nowMs);
  }

  /** Asks the source, or lets the question wait. Returns `undefined` if too many questions wait. */
  #ask(user: User, pair: AccessPair): AccessDecision | Promise<AccessDecision> | undefined {
    const question = new AccessQuestion(user, pair);
    if (this.#queue.mayStart(pair.owner)) {
      this.#queue.start(pair.owner);
      return this.#run(question) ?? question.decision;
    }
    if (!this.#queue.add(pair.owner, question)) return undefined;
    this.#open.set(pair.key, question);
    question.cancelTimer = this.#options.clock.startTimer(
      () => this.#giveUp(question, 'busy'),
      this.#options.timeoutMs,
    );
    return question.decision;
  }

  /** Asks a question whose turn it is. Returns the decision if the answer came at once. */
  #run(question: AccessQuestion): AccessDecision | undefined {
    const { source, clock, timeoutMs } = this.#options;
    const { user, pair } = question;
    question.cancelTimer();
    question.state = 'running';
    let answer: unknown;
    try {
      answer = source.ask(user, pair.roomId, question);
    } catch (error) {
      return this.#end(question, failureOf(error));
    }
    if (!isThenable(answer)) return this.#end(question, answer, { isKept: false });
    this.#hasWaited = true;
    this.#open.set(pair.key, question);
    const running = this.#running.get(pair.owner) ?? new Set();
    this.#running.set(pair.owner, running.add(question));
    question.cancelTimer = clock.startTimer(() => {
      this.#end(question, new AccessFailure(`it did not answer within ${timeoutMs} ms`));
      question.abort();
    }, timeoutMs);
    Promise.resolve(answer).then(
      (value: unknown) => this.#end(question, value),
      (error: unknown) => this.#end(question, failureOf(error)),
    );
    return undefined;
  }

  #end(question: AccessQuestion, answer: unknown, { isKept = true } = {}): AccessDecision | undefined {
    if (!question.end()) return undefined;
    this.#leave(question);
    const decision = question.isOutdated
      ? // The user may have been added again meanwhile, so the rule is asked again.
        this.decide(question.user, question.pair.roomId)
      : this.#note(question, answer, isKept);
    question.resolve(decision);
    this.#runNext();
    return typeof decision === 'string' ? decision : undefined;
  }

  /** Takes an asked question out of the books. */
  #leave(question: AccessQuestion): void {
    const { key, owner } = question.pair;
    if (this.#open.get(key) === question) this.#open.delete(key);
    const running = this.#running.get(owner);
    if (running?.delete(question) === true && running.size === 0) this.#running.delete(owner);
    this.#queue.end(owner);
  }

  #note({ user, pair }: AccessQuestion, answer: unknown, isKept: boolean): AccessDecision {
    const { observer, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (typeof answer !== 'boolean') {
      const failure = answer instanceof AccessFailure ? answer : new AccessFailure(wrongAnswer);
      this.#fail(pair, failure, nowMs);
      return this.#unasked(pair, nowMs, 'away');
    }
    const outcome = answer ? 'allowed' : 'refused';
    if (this.#backend.answered()) observer.onStateChange(false);
    if (isKept) this.#answers.note(pair, outcome, nowMs);
    observer.onAsked(outcome);
    if (!answer) observer.onRefused(user, pair.roomId);
    return outcome;
  }

  #fail(pair: AccessPair, failure: AccessFailure, nowMs: number): void {
    const { observer } = this.#options;
    this.#answers.note(pair, 'failed', nowMs);
    observer.onAsked('failed');
    observer.onFailure(failure, pair.roomId);
    const { isUnreachable } = failure;
    if (!this.#backend.failed(pair.owner, { isUnreachable, nowMs })) return;
    observer.onStateChange(true);
    this.#giveUpWaiting();
  }

  #giveUpWaiting(): void {
    for (const question of this.#queue.takeWaiting()) this.#giveUp(question, 'away');
  }

  /** Answers a question that was never asked. */
  #giveUp(question: AccessQuestion, reason: 'away' | 'busy'): void {
    const { pair } = question;
    if (!question.end()) return;
    this.#queue.remove(pair.owner, question);
    this.#open.delete(pair.key);
    question.resolve(this.#unasked(pair, this.#options.clock.monotonicMs(), reason));
  }

  /** Runs the waiting questions whose turn it is. An answer that comes at once calls this method again, from inside of its loop. */
  #runNext(): void {
    if (this.#isRunningNext) return;
    this.#isRunningNext = true;
    for (let next = this.#queue.next(); next !== undefined; next = this.#queue.next()) this.#run(next);
    this.#isRunningNext = false;
  }

  /** Decides without asking: an old yes stays a yes for a bounded time. */
  #unasked(pair: AccessPair, nowMs: number, reason: 'away' | 'busy'): AccessDecision {
    const isStale = this.#answers.isAllowedWhileAway(pair, nowMs);
    this.#options.observer.onUnasked(isStale ? 'stale' : reason);
    return isStale ? 'allowed' : 'away';
  }
}

/** True for a promise, also for one of a library. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  );
}

const wrongAnswer = 'its answer is neither true nor false';

function failureOf(error: unknown): AccessFailure {
  if (error instanceof AccessFailure) return error;
  const message = messageOf(error);
  return new AccessFailure(message, { cause: error });
}

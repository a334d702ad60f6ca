/*
 * Questions to all other instances ("who has this connection?") and when they are answered. Pure: time and peers are passed in.
 */
import { SignalRError } from '../errors.js';

/** Beyond it further questions are refused: whoever does not answer that many will not answer one more. */
const MAXIMUM_QUESTIONS = 10_000;

/** How a question ends: exactly one of them is called, once. */
export interface QuestionListener {
  /** A peer has the connection. */
  onFound(peer: string, isDone: boolean): void;
  /** Everybody says that they do not have it. */
  onNobody(): void;
  /** @param error SignalRError `backplane_unavailable`, or `server_closed` */
  onFailed(error: SignalRError): void;
}

interface Question {
  readonly listener: QuestionListener;
  readonly deadlineMs: number;
  /** Who has not answered. */
  readonly awaited: Set<string>;
}

/** Everything that goes wrong between the instances, as the hub's code gets it. */
export function unavailable(text: string, cause?: unknown): SignalRError {
  return new SignalRError('backplane_unavailable', text, cause === undefined ? undefined : { cause });
}

/** What questions depend on. */
export interface QuestionParts {
  readonly timeoutMs: number;
  /** Whether everybody who is there is known, so that all have denied when all who are known have. */
  readonly isComplete: () => boolean;
}

/**
 * A question is over when one peer has the connection; when all that are there have said that they do not, once it is known who is
 * there; or at its deadline. Those who come later are not waited for: they were not asked. Bounded: 10,000 questions.
 */
export class Questions {
  readonly #parts: QuestionParts;
  readonly #questions = new Map<string, Question>();

  constructor(parts: QuestionParts) {
    this.#parts = parts;
  }

  get isFull(): boolean {
    return this.#questions.size >= MAXIMUM_QUESTIONS;
  }

  /**
   * @param peers who is there
   * @returns whether anybody needs to be asked; otherwise it is over already
   */
  ask(id: string, peers: readonly string[], nowMs: number, listener: QuestionListener): boolean {
    const deadlineMs = nowMs + this.#parts.timeoutMs;
    this.#questions.set(id, { listener, deadlineMs, awaited: new Set(peers) });
    this.#settle(id);
    return this.#questions.has(id);
  }

  /** A peer has the connection, and did what was asked, or had nothing to do. False when nobody waits for that (any more). */
  found(id: string, peer: string, isDone: boolean): boolean {
    const question = this.#take(id);
    question?.listener.onFound(peer, isDone);
    return question !== undefined;
  }

  /** A peer does not have the connection. */
  notFound(id: string, peer: string): void {
    this.#questions.get(id)?.awaited.delete(peer);
    this.#settle(id);
  }

  /** A peer that was there before the questions has been heard for the first time. */
  peerAppeared(peer: string): void {
    for (const { awaited } of this.#questions.values()) awaited.add(peer);
  }

  /** A peer is gone, and its connections with it. */
  peerGone(peer: string): void {
    for (const id of this.#questions.keys()) this.notFound(id, peer);
  }

  /** Ends what all have denied meanwhile, and what has taken too long. */
  tick(nowMs: number): void {
    for (const [id, { deadlineMs }] of this.#questions) {
      this.#settle(id);
      if (nowMs >= deadlineMs)
        this.fail(id, unavailable(`Not every instance answered within ${this.#parts.timeoutMs} ms.`));
    }
  }

  /** Nobody waits for it any more. */
  forget(id: string): void {
    this.#questions.delete(id);
  }

  /** False when nobody waits for it (any more). */
  fail(id: string, error: SignalRError): boolean {
    const question = this.#take(id);
    question?.listener.onFailed(error);
    return question !== undefined;
  }

  failAll(error: SignalRError): void {
    for (const id of this.#questions.keys()) this.fail(id, error);
  }

  #settle(id: string): void {
    const question = this.#questions.get(id);
    if (question === undefined || question.awaited.size > 0 || !this.#parts.isComplete()) return;
    this.#questions.delete(id);
    question.listener.onNobody();
  }

  #take(id: string): Question | undefined {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    return question;
  }
}

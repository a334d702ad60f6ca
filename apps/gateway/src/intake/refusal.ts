// The refusal of an entry by a rule. It never leaves the intake: `TakenEntry` turns it into an outcome.

/** The step that refused the entry, as a label of a metric. `slow`: `map` took too long. */
export type RefusingStep = 'layout' | 'payload' | 'map' | 'slow';

/** Thrown by the steps of a rule. The message contains no value of the entry. */
export class IntakeRefusal extends Error {
  override readonly name = 'IntakeRefusal';
  readonly step: RefusingStep;

  constructor(step: RefusingStep, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.step = step;
  }
}

// Runs the sides of a comparison round by round.
import type { Side, SideName } from '../systems/side.js';
import { orderOfRound } from './order.js';

/** Results of the rounds, by side. `undefined` is a failed round. */
export type Rounds<Result> = ReadonlyMap<SideName, readonly (Result | undefined)[]>;

/** A round that ended in an error, for the report. */
export interface Failure {
  readonly side: SideName;
  readonly round: number;
  readonly reason: string;
}

/**
 * Measures every side once per round, in the order of the round. Records a failure of a side and continues with the other sides.
 */
export async function runPairs<Result>(
  sides: readonly Side[],
  pairs: number,
  measure: (side: Side, round: number) => Promise<Result>,
): Promise<{ readonly rounds: Rounds<Result>; readonly failures: readonly Failure[] }> {
  const rounds = new Map<SideName, (Result | undefined)[]>(sides.map(({ name }) => [name, []]));
  const failures: Failure[] = [];
  for (let round = 0; round < pairs; round += 1) {
    for (const side of orderOfRound(sides, round)) {
      let result: Result | undefined;
      try {
        result = await measure(side, round);
      } catch (error) {
        failures.push({ side: side.name, round, reason: String(error) });
        console.log(`${side.name}, round ${round + 1}: ${String(error)}`);
      }
      rounds.get(side.name)?.push(result);
    }
  }
  return { rounds, failures };
}

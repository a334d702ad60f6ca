// Runs sides against each other, round by round.
import type { Side, SideName } from '../systems/side.js';
import { orderOfRound } from './order.js';

/** Results of the rounds, by side; `undefined` for a round that failed. */
export type Rounds<Result> = ReadonlyMap<SideName, readonly (Result | undefined)[]>;

/** Rounds that ended in an error, for the report. */
export interface Failure {
  readonly side: SideName;
  readonly round: number;
  readonly reason: string;
}

/** Measures every side once a round, in the order of the round. A side that fails is noted, and the others continue. */
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

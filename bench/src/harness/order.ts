// The order in which the sides of a comparison run: they alternate, and every second round runs backwards, so that whatever
// drifts over a run, and whoever comes after whom, weighs on all of them.

/** The sides of round `round` (from 0), in the order in which they run. */
export function orderOfRound<Side>(sides: readonly Side[], round: number): readonly Side[] {
  return round % 2 === 0 ? sides : sides.toReversed();
}

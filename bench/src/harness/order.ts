// The order of the sides in a comparison. The sides alternate, and every second round runs backwards. Therefore drift over a
// run, and effects of one side on the next, affect all sides in the same way.

/** Returns the sides of a round in the order in which they run. Rounds are counted from 0. */
export function orderOfRound<Side>(sides: readonly Side[], round: number): readonly Side[] {
  return round % 2 === 0 ? sides : sides.toReversed();
}

// Finds the highest event rate that a side (a compared system) sustains. Tries only the rates of a fixed grid.

/** Each rate of the grid is 6 % higher than the rate before it. */
const gridStep = 1.06;
const gridFrom = 1_000;
/** Number of grid steps by which the first search climbs at a time. */
const coarseSteps = 5;
const highestIndex = 75;

/** Returns the rate with this index in the grid, in events per second. */
export function rateAt(index: number): number {
  return Math.round(gridFrom * gridStep ** index);
}

/** The result of {@link findHighestRate}. */
export interface Highest<Step> {
  readonly index: number;
  /** The step with the highest sustained rate. `undefined` if even the lowest rate was too high. */
  readonly sustained: Step | undefined;
  /** The step whose rate was too high. */
  readonly refused: Step | undefined;
}

/**
 * Tries rising rates from `startIndex` on, until a rate fails twice. Each rate has two attempts, because a pause of the
 * machine can make one fail. Without `startIndex`, the search begins at the lowest rate with large steps. If the first rate
 * is too high, the search goes down until a rate is sustained.
 */
export async function findHighestRate<Step extends { readonly isSustained: boolean }>(
  startIndex: number | undefined,
  tryRate: (rate: number) => Promise<Step>,
): Promise<Highest<Step>> {
  const attempt = async (index: number): Promise<Step> => {
    const step = await tryRate(rateAt(index));
    return step.isSustained ? step : tryRate(rateAt(index));
  };
  let sustained: Step | undefined;
  let refused: Step | undefined;
  let index = startIndex ?? 0;
  const climb = async (steps: number): Promise<void> => {
    for (refused = undefined; index <= highestIndex; index += steps) {
      const step = await attempt(index);
      if (!step.isSustained) {
        refused = step;
        break;
      }
      sustained = step;
    }
    index -= steps;
  };
  if (startIndex === undefined) {
    await climb(coarseSteps);
    if (sustained === undefined) return { index: 0, sustained, refused };
    index += 1;
  }
  await climb(1);
  // The first rate was already too high, so lower ones are tried.
  while (sustained === undefined && index >= 0) {
    const step = await attempt(index);
    if (step.isSustained) sustained = step;
    else {
      refused = step;
      index -= 1;
    }
  }
  return { index: Math.max(0, index), sustained, refused };
}

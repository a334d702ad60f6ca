// Finds the highest rate that a side bears, by steps on a fixed grid.

/** Rates of the grid are 6 % apart. */
const gridStep = 1.06;
const gridFrom = 1_000;
/** The first search takes five of them at once. */
const coarseSteps = 5;
const highestIndex = 75;

/** A rate of the grid. */
export function rateAt(index: number): number {
  return Math.round(gridFrom * gridStep ** index);
}

/** Found by {@link findHighestRate}. */
export interface Highest<Step> {
  readonly index: number;
  /** The last step that was borne; none when even the lowest rate was too much. */
  readonly borne: Step | undefined;
  /** The step that was not. */
  readonly refused: Step | undefined;
}

/**
 * Climbs from `startIndex` (from the bottom in large steps, when there is none) until a rate fails twice, for a pause of the machine
 * is no limit of the side; goes down first when the start is too high.
 */
export async function findHighestRate<Step extends { readonly isBorne: boolean }>(
  startIndex: number | undefined,
  tryRate: (rate: number) => Promise<Step>,
): Promise<Highest<Step>> {
  const attempt = async (index: number): Promise<Step> => {
    const step = await tryRate(rateAt(index));
    return step.isBorne ? step : tryRate(rateAt(index));
  };
  let borne: Step | undefined;
  let refused: Step | undefined;
  let index = startIndex ?? 0;
  const climb = async (steps: number): Promise<void> => {
    for (refused = undefined; index <= highestIndex; index += steps) {
      const step = await attempt(index);
      if (!step.isBorne) {
        refused = step;
        break;
      }
      borne = step;
    }
    index -= steps;
  };
  if (startIndex === undefined) {
    await climb(coarseSteps);
    if (borne === undefined) return { index: 0, borne, refused };
    index += 1;
  }
  await climb(1);
  // The start was too high.
  while (borne === undefined && index >= 0) {
    const step = await attempt(index);
    if (step.isBorne) borne = step;
    else {
      refused = step;
      index -= 1;
    }
  }
  return { index: Math.max(0, index), borne, refused };
}

// Starts the test files that take longest first. At the end of the suite, short files then keep all workers busy. The fault tests are
// spread, so that they do not all load the machine at the same time.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Each of these files starts several gateways and hundreds of clients. */
const heavy = /\/e2e\/faults\//;
/** One file in so many is a heavy one, while there are any. Two of five workers then have one. */
const heavyEvery = 3;

/** Folders and projects of the other files, from the longest to the shortest. */
const ranks = [
  /\/e2e\/tests\/(?:programs|helpdesk|support-desk|fairness|resume)\//,
  /\/e2e\//,
  /\/(?:broker|signalr)\/test\/(?:redis|instances|backplane|official-clients)\//,
];

function rankOf(path: string): number {
  const rank = ranks.findIndex((rule) => rule.test(path));
  return rank === -1 ? ranks.length : rank;
}

/** Returns the files in the order in which they should start. Files of one rank keep their order. */
export function startOrder<File extends { readonly moduleId: string }>(files: readonly File[]): File[] {
  const heavyFiles = files.filter(({ moduleId }) => heavy.test(moduleId));
  const others = files
    .filter(({ moduleId }) => !heavy.test(moduleId))
    .sort((a, b) => rankOf(a.moduleId) - rankOf(b.moduleId));
  return [...heavyFiles.flatMap((file) => [file, ...others.splice(0, heavyEvery - 1)]), ...others];
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // Vitest sorts by the duration in its cache, or by size.
    return startOrder(await super.sort(files));
  }
}

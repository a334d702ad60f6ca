// Starts the test files that take longest first. At the end of the suite, short files then keep all workers busy.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders and projects from the longest test files to the shortest. */
const ranks = [
  /\/e2e\/faults\//,
  /\/e2e\/tests\/(?:programs|helpdesk|support-desk|fairness|resume)\//,
  /\/e2e\//,
  /\/(?:broker|signalr)\/test\/(?:redis|instances|backplane|official-clients)\//,
];

function rankOf(path: string): number {
  const rank = ranks.findIndex((rule) => rule.test(path));
  return rank === -1 ? ranks.length : rank;
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // Vitest sorts by the duration in its cache, or by size.
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a.moduleId) - rankOf(b.moduleId));
  }
}

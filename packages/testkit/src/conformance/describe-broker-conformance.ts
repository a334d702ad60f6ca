// The promises of the broker's port, each as a test, for every implementation alike.
import { describe } from 'vitest';
import { describeAnnouncing } from './announcing.js';
import { describeCounters } from './counters.js';
import { describeDeadLetters } from './dead-letters.js';
import { describeEnding } from './ending.js';
import type { CreateHarness } from './harness.js';
import { describeLedger } from './ledger.js';
import { describeMembership } from './membership.js';
import { describePublishing } from './publishing.js';
import { describeReading } from './reading.js';
import { describeRetention } from './retention.js';
import { describeWindows } from './windows.js';

/**
 * Declares the suite. `create` gives a fresh, opened broker with empty streams for each test, built from
 * `SUITE_OPTIONS` and what the test replaces of them.
 */
export function describeBrokerConformance(name: string, create: CreateHarness): void {
  describe(`${name} keeps the promises of the broker`, () => {
    describePublishing(create);
    describeReading(create);
    describeMembership(create);
    describeLedger(create);
    describeRetention(create);
    describeWindows(create);
    describeCounters(create);
    describeDeadLetters(create);
    describeAnnouncing(create);
    describeEnding(create);
  });
}

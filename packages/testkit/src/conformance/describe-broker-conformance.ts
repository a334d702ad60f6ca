// The conformance suite: tests for the promises of the broker port, which every implementation must pass.
import { describe } from 'vitest';
import { describeAnnouncing } from './announcing.js';
import { describeCounters } from './counters.js';
import { describeDeadLetters } from './dead-letters.js';
import { describeEnding } from './ending.js';
import { describeErasing } from './erasing.js';
import type { CreateHarness } from './harness.js';
import { describeLedger } from './ledger.js';
import { describeMembership } from './membership.js';
import { describePresence } from './presence.js';
import { describePublishing } from './publishing.js';
import { describeReading } from './reading.js';
import { describeRetention } from './retention.js';
import { describeRevocations } from './revocations.js';
import { describeWindows } from './windows.js';

/**
 * Declares the suite. `create` makes an opened broker with empty streams for each test. The options of the broker are
 * `SUITE_OPTIONS`, overridden by the options of the test.
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
    describePresence(create);
    describeRevocations(create);
    describeDeadLetters(create);
    describeAnnouncing(create);
    describeEnding(create);
    describeErasing(create);
  });
}

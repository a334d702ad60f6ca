// The harness for a broker under test, and functions that the files of the conformance suite share.
import {
  type Broker,
  BrokerError,
  type BrokerErrorCode,
  type BrokerOptions,
  type Entry,
  type EntryId,
  type Lease,
  type OutgoingEntry,
  type PublishReceipt,
  type ReadProgress,
  type StreamStart,
} from '@millrace/broker';

/** The two streams of the suite. */
export const CHAT = 'events:chat';
export const TICKET = 'events:ticket';

/** An opened broker with empty streams. The suite can let the time of the broker pass. */
export interface BrokerHarness extends AsyncDisposable {
  readonly broker: Broker;
  /** Resolves when at least `ms` of broker time have passed. */
  passTime(ms: number): Promise<void>;
}

/** Makes a new harness. `options` override the options of the suite. */
export type CreateHarness = (options?: Partial<BrokerOptions>) => Promise<BrokerHarness>;

/** The options of the suite, unless a test overrides them. */
export const SUITE_OPTIONS: BrokerOptions = {
  streams: [
    { name: CHAT, maxLength: 100 },
    { name: TICKET, maxLength: 100 },
  ],
  // These times are long, so that even a slow machine ends a test before a subscriber is declared dead or a lease expires.
  livenessMs: 60_000,
  leaseMs: 60_000,
  minAgeMs: 0,
};

/** Appends a single entry. */
export async function append(
  broker: Pick<Broker, 'append'>,
  { stream, ...entry }: OutgoingEntry & { readonly stream: string },
): Promise<PublishReceipt> {
  const [result] = await broker.append(stream, [entry]);
  if (result === undefined || result instanceof BrokerError) throw result;
  return result;
}

/** Maximum number of entries in one `append`. */
const MAX_ENTRIES = 1_000;

/** Appends `count` entries in as few calls as possible, with their numbers in the field `n`. Returns the IDs of the entries. */
export async function appendNumbered(
  broker: Pick<Broker, 'append'>,
  {
    stream = CHAT,
    count,
    from = 0,
  }: { readonly stream?: string; readonly count: number; readonly from?: number },
): Promise<EntryId[]> {
  const ids: EntryId[] = [];
  while (ids.length < count) {
    const entries = Array.from({ length: Math.min(MAX_ENTRIES, count - ids.length) }, (_, index) => ({
      fields: { n: String(from + ids.length + index) },
    }));
    for (const result of await broker.append(stream, entries)) {
      if (result instanceof BrokerError) throw result;
      ids.push(result.id);
    }
  }
  return ids;
}

/** Appends `count` numbered entries to CHAT. Returns the IDs of the entries. */
export function publishNumbered(broker: Broker, count: number, from = 0): Promise<EntryId[]> {
  return appendNumbered(broker, { count, from });
}

/** Returns the numbers that `publishNumbered` gave these entries. */
export function numbersOf(entries: readonly Entry[] | undefined): number[] {
  return (entries ?? []).map(({ fields }) => Number(fields['n']));
}

/** Reads all entries of CHAT, up to 1000. */
export function readAll(broker: Broker): Promise<readonly Entry[]> {
  return broker.readRange(CHAT, { count: 1000 });
}

/** Sends one heartbeat for CHAT and returns the reply. */
export async function beat(broker: Broker, subscriber: string, progress: ReadProgress) {
  const [reply] = await broker.heartbeat(subscriber, new Map([[CHAT, progress]]));
  return present(reply);
}

/** Registers a subscriber and returns its start in CHAT. */
export async function registerAt(broker: Broker, subscriber: string): Promise<StreamStart> {
  const starts = await broker.register(subscriber);
  return present(starts.find(({ stream }) => stream === CHAT));
}

/** Registers a subscriber and acquires the lease of CHAT for it. */
export async function registerHolder(
  broker: Broker,
  subscriber: string,
): Promise<{ readonly start: StreamStart; readonly lease: Lease }> {
  const start = await registerAt(broker, subscriber);
  return { start, lease: present(await broker.acquireLease(CHAT, subscriber)) };
}

/** Runs one ledger pass for CHAT as consumer 1. Throws if the lease is fenced. */
export async function runPass(broker: Broker, lease: Lease, cursor?: EntryId, count = 200) {
  const result = await broker.runLedgerPass(lease, {
    consumer: 'signalr-instance-1',
    count,
    ...(cursor === undefined ? {} : { cursor }),
  });
  if (result.status === 'fenced') throw new Error('The pass was fenced');
  return result;
}

/** Runs ledger passes until nothing is left to consume or acknowledge. */
export async function runAllPasses(broker: Broker, lease: Lease, cursor?: EntryId): Promise<void> {
  for (let passes = 0; passes < 1000; passes++) {
    const { consumed, acknowledged } = await runPass(broker, lease, cursor);
    if (consumed + acknowledged === 0) return;
  }
  throw new Error('The ledger does not come to rest');
}

/** Trims CHAT until nothing is left to remove. Returns the total counts. */
export async function trimAll(broker: Broker, lease: Lease) {
  let removed = 0;
  let expired = 0;
  for (let trims = 0; trims < 1000; trims++) {
    const result = await broker.trim(lease);
    if (result.status === 'fenced') throw new Error('The trim was fenced');
    if (result.removed + result.expired === 0) return { removed, expired };
    removed += result.removed;
    expired += result.expired;
  }
  throw new Error('The trim does not come to rest');
}

/** Returns the error code with which `work` rejects, or `resolved` if it does not reject. */
export async function codeOf(work: Promise<unknown>): Promise<BrokerErrorCode | 'resolved'> {
  try {
    await work;
    return 'resolved';
  } catch (error) {
    return (error as BrokerError).code;
  }
}

/** Returns `value`. Throws if it is missing, which fails the test. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('A value that must be there is missing');
  return value;
}

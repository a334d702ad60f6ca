// The dead letters on Redis. Each stream has a second, capped stream for them.
import { checkEntryId, checkEntryIds, checkRange } from '../arguments.js';
import { toDeadLetter } from '../entries/dead-letter.js';
import type { EntryId } from '../entries/entry-id.js';
import type { ResolvedBrokerOptions } from '../options.js';
import type { DeadLetter, DeadLetterStore, RejectedEntry, RequeueResult } from '../port/dead-letter-store.js';
import type { RangeOptions } from '../port/entry-log.js';
import { asArray, asEntries, asNumber } from './calls/replies.js';
import { deadLetterCall, requeueDeadLetterCall, type ScriptCall } from './calls/script-calls.js';
import { readRange } from './read-range.js';
import type { StreamRecords } from './stream-records.js';

/** Dependencies of {@link RedisDeadLetters}. */
export interface RedisDeadLettersDependencies {
  readonly options: ResolvedBrokerOptions;
  readonly records: StreamRecords;
  run<T>(call: ScriptCall<T>): Promise<T>;
  command(key: string, args: readonly string[]): Promise<unknown>;
}

/** The {@link DeadLetterStore} on Redis. */
export class RedisDeadLetters implements DeadLetterStore {
  readonly #dependencies: RedisDeadLettersDependencies;

  constructor(dependencies: RedisDeadLettersDependencies) {
    this.#dependencies = dependencies;
  }

  async deadLetter(rejected: RejectedEntry): Promise<boolean> {
    checkEntryId(rejected.entry.id);
    const { options, records, run } = this.#dependencies;
    return run(deadLetterCall(records.of(rejected.stream).keys, options, rejected));
  }

  async findRejected(stream: string, ids: readonly EntryId[]): Promise<ReadonlySet<EntryId>> {
    checkEntryIds(ids);
    const { records, command } = this.#dependencies;
    const { keys } = records.of(stream);
    const marks = asArray(await command(keys.dead, ['MGET', ...ids.map((id) => keys.deadMark(id))]));
    return new Set(ids.filter((_, index) => typeof marks[index] === 'string'));
  }

  async listDeadLetters(stream: string, options: RangeOptions): Promise<readonly DeadLetter[]> {
    checkRange(options);
    const { dead } = this.#dependencies.records.of(stream).keys;
    return (await readRange(this.#dependencies, dead, options)).map(toDeadLetter);
  }

  async readDeadLetter(stream: string, id: EntryId): Promise<DeadLetter | undefined> {
    checkEntryId(id);
    const { records, command } = this.#dependencies;
    const { dead } = records.of(stream).keys;
    const [entry] = asEntries(await command(dead, ['XRANGE', dead, id, id]));
    return entry === undefined ? undefined : toDeadLetter(entry);
  }

  async requeueDeadLetter(stream: string, id: EntryId): Promise<RequeueResult> {
    const deadLetter = await this.readDeadLetter(stream, id);
    if (deadLetter === undefined) return { status: 'not_found' };
    if (!deadLetter.isRequeueable) return { status: 'not_requeueable' };
    const { records, run } = this.#dependencies;
    const newId = await run(requeueDeadLetterCall(records.of(stream).keys, deadLetter));
    return newId === undefined ? { status: 'not_found' } : { status: 'requeued', id: newId };
  }

  async dropDeadLetters(stream: string, ids: readonly EntryId[]): Promise<number> {
    checkEntryIds(ids);
    const { records, command } = this.#dependencies;
    const { dead } = records.of(stream).keys;
    return asNumber(await command(dead, ['XDEL', dead, ...ids]));
  }
}

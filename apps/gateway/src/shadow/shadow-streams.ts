// The streams that a comparison watches: the streams of the catalog that the other service may read, and the streams that match a
// pattern of the intake. The latter are searched for while the comparison runs.
import { type GroupReader, isObserved } from '@millrace/broker';
import type { AnyCatalog } from '@millrace/contract';
import type { Clock } from '@millrace/internal';
import type { Pattern } from '../intake/collector/pattern.js';
import type { Intake } from '../intake/intake.js';
import type { EntryPlanner } from './entry-plan.js';
import { StreamWatch } from './stream-watch.js';

/** Maximum number of streams of one pattern, as for a gateway. */
const MAX_SOURCES = 256;
/** Pause between two searches for streams of a pattern, in milliseconds. A search asks Redis for all keys. */
const SEARCH_EVERY_MS = 2_000;

/** Dependencies of {@link ShadowStreams}. */
export interface ShadowStreamsDependencies {
  readonly catalog: AnyCatalog;
  readonly intake: Intake | undefined;
  readonly reader: GroupReader;
  readonly group: string;
  readonly planner: EntryPlanner;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/**
 * Returns the streams of a catalog that another service may read. If it owns some of them (`retention: 'observe'`), the others are
 * Millrace's own.
 */
export function comparedStreams({ streams }: AnyCatalog): readonly string[] {
  const observed = streams.filter(isObserved);
  return (observed.length > 0 ? observed : streams).map(({ name }) => name);
}

/** The watched streams. Their number is bounded by the catalog and by {@link MAX_SOURCES} for each pattern. */
export class ShadowStreams {
  readonly #dependencies: ShadowStreamsDependencies;
  readonly #watches = new Map<string, StreamWatch>();
  /** Number of streams that match a pattern and are not watched, by prefix. */
  readonly #ignored = new Map<string, number>();
  #searchAtMs: number | undefined;

  constructor(dependencies: ShadowStreamsDependencies) {
    this.#dependencies = dependencies;
    const { catalog, planner } = dependencies;
    for (const stream of comparedStreams(catalog)) this.#watch(stream, planner, false);
  }

  get watches(): readonly StreamWatch[] {
    return [...this.#watches.values()];
  }

  /** Streams of the catalog that only Millrace uses. */
  get notCompared(): readonly string[] {
    return this.#dependencies.catalog.streams
      .map(({ name }) => name)
      .filter((name) => !this.#watches.has(name));
  }

  /** Number of streams that match a pattern but are not watched, because too many match. */
  get ignoredSources(): number {
    return [...this.#ignored.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Looks for new streams of the patterns, if that is due. @throws BrokerError if Redis cannot be asked */
  async search(): Promise<void> {
    const { intake, clock } = this.#dependencies;
    const patterns = intake?.patterns ?? [];
    const isFirst = this.#searchAtMs === undefined;
    if (patterns.length === 0 || (this.#searchAtMs ?? 0) > clock.monotonicMs()) return;
    for (const pattern of patterns) await this.#searchFor(pattern, !isFirst);
    this.#searchAtMs = clock.monotonicMs() + SEARCH_EVERY_MS;
  }

  async #searchFor({ prefix, into }: Pattern, isNew: boolean): Promise<void> {
    const { reader, planner } = this.#dependencies;
    const { streams, ignored } = await reader.findStreams(prefix, MAX_SOURCES);
    this.#ignored.set(prefix, ignored);
    const planFor: EntryPlanner['planFor'] = (source, entry) => planner.planCopied(into, source, entry);
    for (const stream of streams) if (!this.#watches.has(stream)) this.#watch(stream, { planFor }, isNew);
  }

  #watch(stream: string, planner: Pick<EntryPlanner, 'planFor'>, isNew: boolean): void {
    const { group, reader } = this.#dependencies;
    this.#watches.set(stream, new StreamWatch({ stream, group, reader, planner, isNew }));
  }
}

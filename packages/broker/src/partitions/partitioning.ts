// Partitions split one declared stream into several streams, so that its load spreads over the nodes of a cluster. Programs in any
// language can compute the partition of a key, see `partitionOf`. Pure.
import { keySlot } from './key-slot.js';

/** A stream as the options declare it; see `StreamOptions`. */
interface DeclaredStream {
  readonly name: string;
  readonly maxLength: number;
  readonly partitions?: number;
}

/**
 * Maximum number of partitions of one stream. Every gateway reads each partition and reports its progress there, so more
 * partitions cost more.
 * @beta
 */
export const MAX_PARTITIONS = 32;

/**
 * The key of everybody (`*`), and the prefix of the keys of everybody of a tenant (`*:<tenant>`). Their entries are always in the plain
 * streams, even if a stream has partitions. Every position names the plain streams, so every reader can resume these entries.
 */
const EVERYBODY_KEY = '*';
const TENANT_KEY_PREFIX = `${EVERYBODY_KEY}:`;
/** Tag of the scope of these keys. It differs from the tags of scopes with partitions, which contain digits. */
const EVERYBODY_TAG = '_';

/** Returns the number of the partition of `key`: the slot that `CLUSTER KEYSLOT key` returns, modulo `count`. @beta */
export function partitionOf(key: string, count: number): number {
  return count === 1 ? 0 : keySlot(key) % count;
}

/** Returns the name of partition `index` of `stream`. @beta */
export function partitionName(stream: string, index: number): string {
  return `${stream}.p${index}`;
}

/** The streams that can contain the entries of a key. Keys with the same streams share one scope. @beta */
export interface StreamScope {
  /** Text that identifies the scope: at most 100 characters of `0-9_`. Empty if no stream is partitioned. */
  readonly tag: string;
  /**
   * The streams of the keys, in the broker's order. Each declared stream has its plain stream, and one of its partitions if
   * it has partitions. For the keys of everybody, the list has the plain streams only.
   */
  readonly streams: readonly string[];
}

/**
 * Maps declared streams to real streams, which are the keys in the store. A declared stream with one partition is one real
 * stream. A declared stream with `n` partitions is `n + 1` real streams: `<name>.p0` to `<name>.p<n-1>`, and the plain stream
 * for producers that do not know partitions. Each real stream has the declared length.
 * @beta
 */
export class Partitioning {
  /** Every real stream. A position lists its parts in the same order. */
  readonly streams: readonly DeclaredStream[];
  readonly #counts: ReadonlyMap<string, number>;
  /** Real stream → its declared stream. */
  readonly #declared: ReadonlyMap<string, string>;
  /** The distinct numbers of partitions above 1, in ascending order. They determine the scope of a key. */
  readonly #moduli: readonly number[];
  /** Scopes by tag. Their number is at most the product of `#moduli`, which usually contains one number. */
  readonly #scopes = new Map<string, StreamScope>();

  /** @param counts number of partitions by declared stream. A stream that is not listed has one partition */
  constructor(declared: readonly DeclaredStream[], counts: ReadonlyMap<string, number>) {
    this.#counts = new Map(declared.map(({ name }) => [name, counts.get(name) ?? 1]));
    this.streams = declared.flatMap(({ name, maxLength }) =>
      this.#realNames(name).map((real) => ({ name: real, maxLength })),
    );
    this.#declared = new Map(
      declared.flatMap(({ name }) => this.#realNames(name).map((real) => [real, name] as const)),
    );
    this.#moduli = [...new Set(this.#counts.values())].filter((count) => count > 1).sort((a, b) => a - b);
  }

  /** True when `stream` is the name of a real stream: a plain stream or a partition. */
  has(stream: string): boolean {
    return this.#declared.has(stream);
  }

  /** True when both real streams belong to the same declared stream. */
  isSameDeclared(a: string, b: string): boolean {
    return this.#declared.get(a) === this.#declared.get(b);
  }

  /** Returns the number of partitions of a declared stream. */
  countOf(stream: string): number {
    return this.#counts.get(stream) ?? 1;
  }

  /**
   * Returns the real stream for the entries of `key` in a declared stream. All entries of a key go to one real stream, so
   * they stay in order.
   */
  streamFor(stream: string, key: string): string {
    const count = this.countOf(stream);
    return count === 1 || isOfEverybody(key) ? stream : partitionName(stream, partitionOf(key, count));
  }

  /** Returns the scope of `key`. */
  scopeOf(key: string): StreamScope {
    const tag = this.#moduli.length === 0 ? '' : this.#tagOf(key);
    const known = this.#scopes.get(tag);
    if (known !== undefined) return known;
    const streams = Array.from(this.#counts, ([name, count]) =>
      count === 1 || isOfEverybody(key) ? [name] : [name, partitionName(name, partitionOf(key, count))],
    );
    const scope = { tag, streams: streams.flat() };
    this.#scopes.set(tag, scope);
    return scope;
  }

  #tagOf(key: string): string {
    if (isOfEverybody(key)) return EVERYBODY_TAG;
    const slot = keySlot(key);
    return this.#moduli.map((count) => slot % count).join('_');
  }

  #realNames(stream: string): string[] {
    const count = this.countOf(stream);
    if (count === 1) return [stream];
    return [stream, ...Array.from({ length: count }, (_, index) => partitionName(stream, index))];
  }
}

function isOfEverybody(key: string): boolean {
  return key === EVERYBODY_KEY || key.startsWith(TENANT_KEY_PREFIX);
}

/** Returns the partitioning that the options ask for. A stream whose options name no number has one partition. */
export function partitioningOf(streams: readonly DeclaredStream[]): Partitioning {
  return new Partitioning(streams, new Map(streams.map(({ name, partitions = 1 }) => [name, partitions])));
}

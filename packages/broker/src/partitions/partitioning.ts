// Partitions: several streams in place of one, so that its load spreads over the nodes of a cluster. Which partition a key's
// entries go to is a rule any language can follow. Pure.
import { keySlot } from './key-slot.js';

/** A stream as it was declared; see `StreamOptions`. */
interface DeclaredStream {
  readonly name: string;
  readonly maxLength: number;
  readonly partitions?: number;
}

/** Most partitions of one stream: every gateway reads each of them, reports on it and accounts for it. */
export const MAX_PARTITIONS = 32;

/** The number of the partition that `key` belongs to: the slot that `CLUSTER KEYSLOT key` answers, modulo `count`. */
export function partitionOf(key: string, count: number): number {
  return count === 1 ? 0 : keySlot(key) % count;
}

/** The name of partition `index` of `stream`. */
export function partitionName(stream: string, index: number): string {
  return `${stream}.p${index}`;
}

/** The streams in which entries of some keys can stand, the same for all keys of one scope. */
export interface StreamScope {
  /** Differs between scopes; '' where no stream is partitioned. At most 100 characters of `0-9_`. */
  readonly tag: string;
  /** In the order of the broker's streams: of each declared stream the plain one, then the keys' partition. */
  readonly streams: readonly string[];
}

/**
 * Maps declared streams to real ones. A stream of one partition is itself; a stream of `n` is the plain one, for producers that
 * know of no partitions, and `<name>.p0` to `<name>.p<n-1>`. Each of them is a stream of its own, with the declared length.
 */
export class Partitioning {
  /** Every real stream, in the order in which positions list them. */
  readonly streams: readonly DeclaredStream[];
  readonly #counts: ReadonlyMap<string, number>;
  /** The declared stream of each real one. */
  readonly #declared: ReadonlyMap<string, string>;
  /** The different numbers of partitions above 1, rising: they decide a key's scope. */
  readonly #moduli: readonly number[];
  /** By tag. Bounded by the product of the moduli's values that occur; usually their number is one. */
  readonly #scopes = new Map<string, StreamScope>();

  /** @param counts partitions of each declared stream; a stream that is missing has one */
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

  /** True when this is a real stream. */
  has(stream: string): boolean {
    return this.#declared.has(stream);
  }

  /** True when two real streams belong to one declared stream: its plain one and its partitions. */
  isSameDeclared(a: string, b: string): boolean {
    return this.#declared.get(a) === this.#declared.get(b);
  }

  /** How many partitions a declared stream has. */
  countOf(stream: string): number {
    return this.#counts.get(stream) ?? 1;
  }

  /** The real stream for entries of `key` in a declared one. Always the same for the same key, so their order is kept. */
  streamFor(stream: string, key: string): string {
    const count = this.countOf(stream);
    return count === 1 ? stream : partitionName(stream, partitionOf(key, count));
  }

  /** The scope of `key`. */
  scopeOf(key: string): StreamScope {
    const tag = this.#moduli.length === 0 ? '' : this.#tagOf(key);
    const known = this.#scopes.get(tag);
    if (known !== undefined) return known;
    const streams = Array.from(this.#counts, ([name, count]) =>
      count === 1 ? [name] : [name, partitionName(name, partitionOf(key, count))],
    );
    const scope = { tag, streams: streams.flat() };
    this.#scopes.set(tag, scope);
    return scope;
  }

  #tagOf(key: string): string {
    const slot = keySlot(key);
    return this.#moduli.map((count) => slot % count).join('_');
  }

  #realNames(stream: string): string[] {
    const count = this.countOf(stream);
    if (count === 1) return [stream];
    return [stream, ...Array.from({ length: count }, (_, index) => partitionName(stream, index))];
  }
}

/** The partitioning that the options ask for; where they leave it open, one partition. */
export function partitioningOf(streams: readonly DeclaredStream[]): Partitioning {
  return new Partitioning(streams, new Map(streams.map(({ name, partitions = 1 }) => [name, partitions])));
}

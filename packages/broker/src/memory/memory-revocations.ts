// The revocations in memory, for one process.
import { checkRevocationChange, checkRevocationName, tooManyRevocations } from '../arguments.js';
import type { EntryId } from '../entries/entry-id.js';
import {
  REVOCATION_LIMITS,
  type Revocation,
  type RevocationChange,
  type RevocationReceipt,
  type RevocationStore,
} from '../port/revocations.js';

/** Dependencies of {@link MemoryRevocations}. */
export interface MemoryRevocationsDependencies {
  wallMs(): number;
  /** @throws BrokerError for an unknown stream, or while the broker is not open */
  check(stream: string): void;
  /** Appends an entry to a stream and wakes its readers. */
  append(stream: string, fields: Readonly<Record<string, string>>): EntryId;
}

/** The {@link RevocationStore} inside one process. Each method is atomic, because it does its work before its first `await`. */
export class MemoryRevocations implements RevocationStore {
  readonly #dependencies: MemoryRevocationsDependencies;
  /** Stream → name → revocation. At most `REVOCATION_LIMITS.maxPerStream` names per stream. */
  readonly #streams = new Map<string, Map<string, Revocation>>();

  constructor(dependencies: MemoryRevocationsDependencies) {
    this.#dependencies = dependencies;
  }

  async change(stream: string, change: RevocationChange): Promise<RevocationReceipt> {
    const { append, wallMs } = this.#dependencies;
    const { name, state, fields, keepMs, isRenewal = false, lostChangedMs } = change;
    checkRevocationChange(change);
    const ofStream = this.#of(stream);
    const nowMs = wallMs();
    const known = current(ofStream.get(name), nowMs);
    if (known === undefined && state === 'restored') return { id: undefined, isChanged: false };
    if (known !== undefined && known.changedMs >= (lostChangedMs ?? Number.POSITIVE_INFINITY))
      return { id: known.id, isChanged: false };
    const endsMs = Math.max(known?.endsMs ?? 0, nowMs + keepMs);
    if (known?.state === state && !isRenewal && lostChangedMs === undefined) {
      ofStream.set(name, { ...known, endsMs });
      return { id: known.id, isChanged: false };
    }
    if (known === undefined && ofStream.size >= REVOCATION_LIMITS.maxPerStream) {
      forgetExpired(ofStream, nowMs);
      if (ofStream.size >= REVOCATION_LIMITS.maxPerStream) throw tooManyRevocations(stream);
    }
    const id = append(stream, fields);
    const revokedId = state === 'restored' && known !== undefined ? known.revokedId : id;
    ofStream.set(name, { name, state, id, revokedId, changedMs: lostChangedMs ?? nowMs, endsMs });
    return { id, isChanged: true };
  }

  async find(stream: string, name: string): Promise<Revocation | undefined> {
    checkRevocationName(name);
    return current(this.#of(stream).get(name), this.#dependencies.wallMs());
  }

  async list(stream: string): Promise<readonly Revocation[]> {
    const ofStream = this.#of(stream);
    forgetExpired(ofStream, this.#dependencies.wallMs());
    return [...ofStream.values()];
  }

  #of(stream: string): Map<string, Revocation> {
    this.#dependencies.check(stream);
    const known = this.#streams.get(stream) ?? new Map<string, Revocation>();
    this.#streams.set(stream, known);
    return known;
  }
}

function current(known: Revocation | undefined, nowMs: number): Revocation | undefined {
  return known !== undefined && known.endsMs > nowMs ? known : undefined;
}

function forgetExpired(revocations: Map<string, Revocation>, nowMs: number): void {
  for (const [name, { endsMs }] of revocations) if (endsMs <= nowMs) revocations.delete(name);
}

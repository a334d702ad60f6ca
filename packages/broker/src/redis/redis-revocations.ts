// The revocations on Redis. Each stream has a hash for them, in the slot of the stream.
import { checkRevocationChange, checkRevocationName, tooManyRevocations } from '../arguments.js';
import {
  REVOCATION_LIMITS,
  type Revocation,
  type RevocationChange,
  type RevocationReceipt,
  type RevocationState,
  type RevocationStore,
} from '../port/revocations.js';
import { asArray, asNumber, asText } from './calls/replies.js';
import type { ScriptCall } from './calls/script-calls.js';
import {
  carryRevocationsScript,
  changeRevocationScript,
  findRevocationScript,
  listRevocationsScript,
} from './scripts/revocations.js';
import type { StreamRecords } from './stream-records.js';

/** Number of revocations in one page of `list`. A page is one reply and one pause of Redis, so it is small. */
const PAGE_COUNT = 500;

/** Dependencies of {@link RedisRevocations}. */
export interface RedisRevocationsDependencies {
  readonly records: Pick<StreamRecords, 'of'>;
  /** @throws BrokerError if nothing may be written to the stream now */
  checkWritable(stream: string): void;
  run<T>(call: ScriptCall<T>): Promise<T>;
}

/** The {@link RevocationStore} on Redis. */
export class RedisRevocations implements RevocationStore {
  readonly #dependencies: RedisRevocationsDependencies;

  constructor(dependencies: RedisRevocationsDependencies) {
    this.#dependencies = dependencies;
  }

  async change(stream: string, change: RevocationChange): Promise<RevocationReceipt> {
    const { records, checkWritable, run } = this.#dependencies;
    const { keys } = records.of(stream);
    checkRevocationChange(change);
    checkWritable(stream);
    const { name, state, fields, keepMs, isRenewal = false, lostChangedMs = '' } = change;
    const head = [name, state, isRenewal ? 1 : 0, keepMs, REVOCATION_LIMITS.maxPerStream, lostChangedMs];
    return run({
      script: changeRevocationScript,
      keys: [keys.stream, keys.revoked],
      args: [...head, ...Object.entries(fields).flat()],
      parse: (reply) => asReceipt(stream, asArray(reply)),
    });
  }

  async find(stream: string, name: string): Promise<Revocation | undefined> {
    const { records, run } = this.#dependencies;
    checkRevocationName(name);
    return run({
      script: findRevocationScript,
      keys: [records.of(stream).keys.revoked],
      args: [name],
      parse: (reply) => {
        const parts = asArray(reply);
        return parts.length === 0 ? undefined : asRevocation([name, ...parts]);
      },
    });
  }

  async list(stream: string): Promise<readonly Revocation[]> {
    const key = this.#dependencies.records.of(stream).keys.revoked;
    // HSCAN may return a field twice.
    const found = new Map<string, Revocation>();
    let cursor = '0';
    do {
      const page = await this.#page(key, cursor);
      cursor = page.next;
      for (const revocation of page.revocations) found.set(revocation.name, revocation);
    } while (cursor !== '0');
    return [...found.values()];
  }

  /**
   * Copies the revocations from the time before the ownership of the stream changed. If this deployment owns the stream now, they are
   * those of its observers; if it observes the stream now, those of its owner. Of two revocations with the same name, the newer one is
   * kept. Idempotent. The number may exceed the maximum, because no revocation may be lost.
   */
  async carryOver(stream: string): Promise<void> {
    const { records, run } = this.#dependencies;
    const { revoked, revokedBefore } = records.of(stream).keys;
    if (revokedBefore === undefined) return;
    let cursor = '0';
    do {
      const call = {
        script: carryRevocationsScript,
        keys: [revokedBefore, revoked],
        args: [cursor, PAGE_COUNT],
        parse: asText,
      };
      cursor = await run(call);
    } while (cursor !== '0');
  }

  #page(
    key: string,
    cursor: string,
  ): Promise<{ readonly next: string; readonly revocations: readonly Revocation[] }> {
    return this.#dependencies.run({
      script: listRevocationsScript,
      keys: [key],
      args: [cursor, PAGE_COUNT],
      parse: (reply) => {
        const [next, ...parts] = asArray(reply);
        const revocations: Revocation[] = [];
        for (let at = 0; at < parts.length; at += 6) revocations.push(asRevocation(parts.slice(at, at + 6)));
        return { next: asText(next), revocations };
      },
    });
  }
}

function asReceipt(stream: string, [id, isChanged]: readonly unknown[]): RevocationReceipt {
  if (id === undefined) return { id, isChanged: false };
  if (id === 'full') throw tooManyRevocations(stream);
  return { id: asText(id), isChanged: isChanged === 1 };
}

function asRevocation([name, state, id, revokedId, endsMs, changedMs]: readonly unknown[]): Revocation {
  return {
    name: asText(name),
    state: asState(asText(state)),
    id: asText(id),
    revokedId: asText(revokedId),
    endsMs: asNumber(endsMs),
    changedMs: asNumber(changedMs),
  };
}

/** A state of a later build counts as revoked, because access must not be given by mistake. */
function asState(text: string): RevocationState {
  return text === 'restored' ? 'restored' : 'revoked';
}

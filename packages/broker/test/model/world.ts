// A broker and a model of it: the published entries, the readers and the removed entries. Checks the broker against the model
// after every step.
import { compareEntryIds, type EntryId, isPositionValid, parsePosition } from '@millrace/broker';
import { append, CHAT, present } from '@millrace/testkit';
import { StreamTrack } from '../../src/subscriber/stream-track.js';
import { Group } from './group.js';
import { PublishedLog } from './published-log.js';
import { promise, type Subject } from './subject.js';

/** Counts at one moment. A reader must receive every later entry, or count it as lost. */
interface Baseline {
  readonly published: number;
  readonly received: number;
  readonly lost: number;
}

interface Reader {
  readonly name: string;
  readonly track: StreamTrack;
  /** The life of the stream that the reader knows, by its number. A loss of the stream begins its next life. */
  life: number;
  received: number;
  lost: number;
  baseline: Baseline | undefined;
}

interface SavedPosition {
  readonly text: string;
  readonly life: number;
}

const READ_ALL = { count: 1_000 };

/** Runs steps on one stream, one call at a time, and checks the broker after each step. */
export class World {
  readonly #subject: Subject;
  /** Number of the stream's present life. It rises when the stream is lost. */
  #life = 0;
  readonly #log = new PublishedLog();
  readonly #byDedupeId = new Map<string, EntryId>();
  readonly #readers: Reader[] = [];
  /** Cursors that are registered at the broker, including those of crashed readers. */
  readonly #registered = new Map<string, EntryId>();
  readonly #positions: SavedPosition[] = [];
  #group: Group;
  #acknowledged = 0;
  /** Number of entries that every registered reader has read. Never decreases. */
  #passed = 0;
  #expired = 0;
  /** The newest entry when any reader last registered or sent a heartbeat. */
  #newestAtReport: EntryId = '0-0';
  #isGroupMissing = false;
  /** The epoch of the present life. `undefined` until a reader has received it. */
  #epoch: string | undefined;
  readonly #previousEpochs = new Set<string>();
  /** True if the group was missing at any time since a reader last registered or sent a heartbeat. */
  #wasGroupMissing = true;
  #lastName = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#group = this.#newGroup();
  }

  get hasReaders(): boolean {
    return this.#readers.length > 0;
  }

  async publish(count: number): Promise<void> {
    const { broker } = this.#subject;
    const before = await this.#retained();
    const dedupeIds = Array.from(
      { length: count },
      (_, index) => `${this.#life}:${this.#log.length + index}`,
    );
    const receipts = await Promise.all(
      dedupeIds.map((dedupeId) => append(broker, { stream: CHAT, fields: { dedupeId }, dedupeId })),
    );
    for (const [index, { id, isDuplicate }] of receipts.entries()) {
      const dedupeId = present(dedupeIds[index]);
      promise(!isDuplicate, () => `${dedupeId} is new, and was taken for a repeat`);
      this.#log.append(id);
      this.#byDedupeId.set(dedupeId, id);
    }
    await this.#noteCut([...before, ...receipts.map(({ id }) => id)]);
  }

  async publishAgain(pick: number): Promise<void> {
    const repeats = [...this.#byDedupeId];
    const [dedupeId, id] = repeats[pick % repeats.length] ?? [];
    if (dedupeId === undefined) return;
    const receipt = await append(this.#subject.broker, { stream: CHAT, fields: { dedupeId }, dedupeId });
    promise(
      receipt.isDuplicate && receipt.id === id,
      () => `${dedupeId} is ${id}, and was stored again as ${receipt.id}`,
    );
  }

  async join(): Promise<void> {
    this.#lastName += 1;
    const name = `reader-${this.#lastName}`;
    const starts = await this.#subject.broker.register(name);
    const start = present(starts.find(({ stream }) => stream === CHAT));
    if (this.#isGroupMissing) this.#group = this.#newGroup();
    this.#isGroupMissing = false;
    this.#noteReport(start);
    this.#registered.set(name, start.cursor);
    const reader = {
      name,
      track: new StreamTrack(start),
      life: this.#life,
      received: this.#log.countUpTo(start.cursor),
      lost: 0,
      baseline: undefined,
    };
    this.#readers.push(reader);
    if (start.cursor === start.lastId) this.#setBaseline(reader);
  }

  async leave(pick: number): Promise<void> {
    const reader = this.#take(pick);
    if (reader === undefined) return;
    await this.#subject.broker.unregister(reader.name);
    this.#registered.delete(reader.name);
  }

  /** Ends a reader as a crash does, without unregistering it. Its cursor stays registered. */
  crash(pick: number): void {
    this.#take(pick);
  }

  async read(pick: number, count: number): Promise<void> {
    const reader = this.#reader(pick);
    if (reader !== undefined) await this.#read(reader, count);
  }

  async beat(pick: number): Promise<void> {
    const reader = this.#reader(pick);
    if (reader !== undefined) await this.#beat(reader);
  }

  async runPass(pick: number, count: number): Promise<void> {
    const reader = this.#reader(pick);
    const lease =
      reader === undefined ? undefined : await this.#subject.broker.acquireLease(CHAT, reader.name);
    if (reader === undefined || lease === undefined) return;
    const { cursor } = reader.track;
    const result = await this.#subject.broker.runLedgerPass(lease, {
      consumer: 'signalr-instance-1',
      count,
      cursor,
    });
    if (result.status === 'fenced') return;
    this.#isGroupMissing = false;
    for (const name of result.declaredDead) this.#registered.delete(name);
    const known = this.#registered.get(reader.name);
    if (known !== undefined && compareEntryIds(known, cursor) < 0) this.#registered.set(reader.name, cursor);
    this.#acknowledged += result.acknowledged;
    this.#group.runPass(this.#log.retained, result.consumed, result.acknowledged);
    // A reset may move a reader back to before entries that it has read. They stay acknowledged.
    if (this.#registered.size > 0)
      this.#passed = Math.max(this.#passed, this.#log.countUpTo(this.#smallestCursor()));
    promise(
      this.#acknowledged <= this.#passed,
      () => `${this.#acknowledged} were acknowledged, ${this.#passed} were passed by every reader`,
    );
  }

  async trim(pick: number): Promise<void> {
    const { broker } = this.#subject;
    const reader = this.#reader(pick);
    const lease = reader === undefined ? undefined : await broker.acquireLease(CHAT, reader.name);
    if (lease === undefined) return;
    const before = await this.#retained();
    const result = await broker.trim(lease);
    if (result.status === 'fenced') return;
    const gone = await this.#noteRemoved(before);
    const { maxLength } = present(broker.options.streams[0]);
    this.#expired += result.expired;
    this.#judgeExpired(gone, result.expired);
    promise(
      gone.length === result.removed + result.expired,
      () => `${gone.length} are gone, not what was said`,
    );
    promise(
      before.length - gone.length >= Math.min(before.length, maxLength),
      () => `${before.length - gone.length} are left`,
    );
    const isBeyondCap = before.length > maxLength * broker.options.hardCapFactor;
    promise(result.expired === 0 || isBeyondCap, () => `${result.expired} expired below the hard cap`);
    if (isBeyondCap || !this.#isKnownToAll()) return;
    const smallest = this.#smallestCursor();
    for (const id of gone)
      promise(compareEntryIds(id, smallest) <= 0, () => `${id} was removed, somebody stands at ${smallest}`);
    const { expired } = await broker.inspect(CHAT);
    promise(expired === this.#expired, () => `${expired} are counted as expired, ${this.#expired} are`);
  }

  async passTime(ms: number): Promise<void> {
    await this.#subject.passTime(ms);
  }

  savePosition(pick: number): void {
    const reader = this.#reader(pick);
    if (reader === undefined || reader.life !== this.#life) return;
    this.#positions.push({ text: reader.track.segment, life: reader.life });
  }

  /** Gives a saved position to a reader. The reader must accept it if and only if it is from the present life. */
  resume(pick: number, position: number): void {
    const reader = this.#reader(pick);
    const saved = this.#positions[position % this.#positions.length];
    if (reader === undefined || saved === undefined || reader.life !== this.#life) return;
    const isBelieved = parsePosition(saved.text).every((part) => isPositionValid(part, reader.track));
    promise(
      isBelieved === (saved.life === this.#life),
      () => `a position of life ${saved.life} was ${isBelieved ? 'believed' : 'refused'} in ${this.#life}`,
    );
  }

  async flush(): Promise<void> {
    await this.#subject.accidents?.flush();
    this.#byDedupeId.clear();
    this.#registered.clear();
    this.#expired = 0;
    this.#group.lose();
    this.#beginLife();
  }

  /** Sends a heartbeat, so that the store has a record of the newest entry and can notice its loss. Then deletes the stream. */
  async deleteStream(pick: number): Promise<void> {
    const reader = this.#reader(pick);
    if (reader === undefined || reader.life !== this.#life || this.#log.length === 0) return;
    await this.#beat(reader);
    await this.#subject.accidents?.deleteStream();
    this.#group.lose();
    this.#beginLife();
  }

  async destroyGroup(): Promise<void> {
    await this.#subject.accidents?.destroyGroup();
    this.#group.lose();
    this.#acknowledged = 0;
    this.#isGroupMissing = true;
    this.#wasGroupMissing = true;
  }

  async trimFromOutside(length: number): Promise<void> {
    const before = await this.#retained();
    await this.#subject.accidents?.trimTo(length);
    await this.#noteRemoved(before);
  }

  /** Lets every reader read to the end. Then checks that each has read every entry, or counted it as lost. */
  async settle(): Promise<void> {
    for (const reader of this.#readers) {
      await this.#beat(reader);
      await this.#read(reader, this.#log.length + 1);
      await this.#beat(reader);
      promise(reader.life === this.#life, () => `${reader.name} never learned that the stream was lost`);
      const { baseline } = reader;
      if (baseline === undefined) continue;
      const due = this.#log.length - baseline.published;
      const accounted = reader.received - baseline.received + reader.lost - baseline.lost;
      promise(accounted === due, () => `${reader.name} has or counted ${accounted} of ${due}`);
    }
  }

  async #read(reader: Reader, count: number): Promise<void> {
    const { track } = reader;
    const options = { count: Math.min(count, 1_000), blockMs: 0 };
    const entries = (await this.#subject.broker.readAfter(new Map([[CHAT, track.cursor]]), options)).get(
      CHAT,
    );
    for (const { id, fields } of entries ?? []) {
      // A reader that does not know the present life yet reads these entries again after its next heartbeat.
      if (reader.life === this.#life) this.#log.judgeNext(reader.name, track.cursor, id);
      reader.lost += track.advance({ id, fields });
      reader.received += 1;
    }
  }

  async #beat(reader: Reader): Promise<void> {
    const { track, name } = reader;
    const replies = await this.#subject.broker.heartbeat(name, new Map([[CHAT, track.progress]]));
    const reply = present(replies.find(({ stream }) => stream === CHAT));
    this.#registered.set(name, reply.cursor);
    this.#noteReport(reply);
    if (reply.status === 'reset') {
      promise(reader.life !== this.#life, () => `${name} was told of a loss, and nothing was lost`);
      Object.assign(reader, { life: this.#life, received: 0, lost: 0, baseline: undefined });
      track.reset(reply);
      if (reply.lastId === track.cursor) this.#setBaseline(reader);
      return;
    }
    promise(reader.life === this.#life, () => `${name} was told "${reply.status}", and the stream was lost`);
    promise(reply.status !== 'moved', () => `${name} was told of another server`);
    promise(reply.entriesAdded === this.#log.length, () => `${reply.entriesAdded} were added, it is said`);
    reader.lost += track.noteTip(reply);
    if (track.cursor === reply.lastId) this.#setBaseline(reader);
  }

  /** Checks the reply to a registration or a heartbeat. The epoch must have changed if and only if the stream was lost. */
  #noteReport({ epoch, lastId }: { readonly epoch: string; readonly lastId: EntryId }): void {
    // A stream without its group and its newest known entry looks as if it was deleted and written again.
    const canBeMistaken = this.#wasGroupMissing && this.#log.isRemoved(this.#newestAtReport);
    this.#wasGroupMissing = this.#isGroupMissing;
    this.#newestAtReport = lastId;
    if (epoch === this.#epoch) return;
    promise(this.#epoch === undefined || canBeMistaken, () => 'the epoch changed, and nothing was lost');
    promise(!this.#previousEpochs.has(epoch), () => `${epoch} is the epoch of a stream that was lost`);
    if (this.#epoch !== undefined) {
      this.#previousEpochs.add(this.#epoch);
      this.#life += 1;
    }
    this.#epoch = epoch;
  }

  #setBaseline(reader: Reader): void {
    const { received, lost } = reader;
    reader.baseline ??= { published: this.#log.length, received, lost };
  }

  #beginLife(): void {
    this.#life += 1;
    if (this.#epoch !== undefined) this.#previousEpochs.add(this.#epoch);
    this.#epoch = undefined;
    this.#log.clear();
    this.#acknowledged = 0;
    this.#passed = 0;
    // The group was deleted with the stream.
    this.#isGroupMissing = true;
    this.#wasGroupMissing = true;
  }

  /** True when all readers know the present life of the stream, and at least one cursor is registered. */
  #isKnownToAll(): boolean {
    return this.#readers.every(({ life }) => life === this.#life) && this.#registered.size > 0;
  }

  #smallestCursor(): EntryId {
    return [...this.#registered.values()].reduce((least, id) =>
      compareEntryIds(id, least) < 0 ? id : least,
    );
  }

  async #retained(): Promise<readonly EntryId[]> {
    return (await this.#subject.broker.readRange(CHAT, READ_ALL)).map(({ id }) => id);
  }

  /** Records the entries that a publish removed beyond the hard cap, and checks how many of them were counted as expired. */
  async #noteCut(before: readonly EntryId[]): Promise<void> {
    const { broker } = this.#subject;
    const gone = await this.#noteRemoved(before);
    const { expired } = await broker.inspect(CHAT);
    const { maxLength } = present(broker.options.streams[0]);
    const isBeyondCap = before.length > maxLength * broker.options.hardCapFactor;
    promise(gone.length === 0 || isBeyondCap, () => `${gone.length} of ${before.length} were cut`);
    const more = expired - this.#expired;
    promise(more >= 0 && more <= gone.length, () => `${more} expired, and ${gone.length} are gone`);
    this.#judgeExpired(gone, more);
    this.#expired = expired;
  }

  /** Returns a new group at the beginning of the stream, as a registration creates it. */
  #newGroup(): Group {
    const { kind, options } = this.#subject.broker;
    const hardCap = present(options.streams[0]).maxLength * options.hardCapFactor;
    return new Group(kind === 'memory' ? hardCap : Number.POSITIVE_INFINITY);
  }

  /** Checks the count of expired entries: the number of removed entries that were not acknowledged. */
  #judgeExpired(gone: readonly EntryId[], expired: number): void {
    if (!this.#group.isKnown) return;
    const lost = gone.filter((id) => !this.#group.hasAcknowledged(id)).length;
    promise(expired === lost, () => `${expired} were counted as expired, ${lost} were not acknowledged`);
  }

  /** Resolves to the entries of `before` that are no longer in the stream. Checks that they were the oldest. */
  async #noteRemoved(before: readonly EntryId[]): Promise<readonly EntryId[]> {
    const after = await this.#retained();
    const gone = before.slice(0, before.length - after.length);
    promise(
      JSON.stringify([...gone, ...after]) === JSON.stringify(before),
      () => 'entries other than the oldest were removed',
    );
    this.#log.remove(gone);
    return gone;
  }

  #reader(pick: number): Reader | undefined {
    return this.#readers[pick % this.#readers.length];
  }

  #take(pick: number): Reader | undefined {
    return this.#readers.splice(pick % Math.max(1, this.#readers.length), 1)[0];
  }
}
